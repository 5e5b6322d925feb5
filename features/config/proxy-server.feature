Feature: What setProxyServer takes and does
  By the typings it takes a text of 1 to 255 ASCII bytes, the name of a reverse proxy for HTTPS and WebSocket.
  It is not a way for media.

  @CP-CFG-01
  Scenario Outline: setProxyServer with <what> returns <how>
    When alice calls setProxyServer with <value>
    Then setProxyServer returned <how>

    Examples:
      | what                 | value                | how      |
      | nothing              | ""                   | an error |
      | one byte             | 1 bytes              | normally |
      | 255 bytes            | 255 bytes            | normally |
      | 256 bytes            | 256 bytes            | an error |
      | letters beyond ASCII | "próxy.example.test" | an error |

  @CP-CFG-01
  Scenario: One that is refused leaves the one before
    Given the office firewall lets everything out
    When alice calls setProxyServer
    And alice calls setProxyServer with 256 bytes
    And alice calls join "town-hall"
    Then setProxyServer returned an error
    And the last join succeeded and went through the proxy server

  @CP-CFG-07
  Scenario: It carries messages and no media
    Given the office firewall lets everything out
    When alice calls setProxyServer and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    And 5 seconds pass
    Then the last join succeeded and went through the proxy server
    And alice's messages went through the proxy server
    And alice's media went direct
    And the proxy server got nothing from alice but TLS on TCP port 443

  @CP-CFG-07
  Scenario: So does one that is named after a call without any
    Given the office firewall lets everything out
    When alice calls join "town-hall", leave, setProxyServer and join "town-hall"
    And alice sends "good morning"
    Then the last join succeeded and went through the proxy server
    And alice's messages went through the proxy server

  @CP-CFG-07
  Scenario: It carries them too when the connection was lost
    Given the office firewall lets everything out
    When alice calls setProxyServer and join "town-hall"
    And alice sends "good morning"
    And 1 second passes
    And the office firewall forgets all flows, and resets what belongs to none
    And alice sends "still here"
    And 1 minute passes
    Then every join succeeded and went through the proxy server
    And alice's messages went through the proxy server

  @CP-CFG-07
  Scenario: The proxy server that is named last carries them
    Given the office firewall lets everything out
    When alice calls setProxyServer with "old-proxy.example.test"
    And alice calls setProxyServer and join "town-hall"
    Then the last join succeeded and went through the proxy server
