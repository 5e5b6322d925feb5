Feature: The four methods after a failure and during a reconnect
  A join that failed leaves the client outside, where settings may change. A call that reconnects is still a
  call: settings must wait.

  @CP-API-10
  Scenario: After a proxied join that failed, stopping is allowed
    Given the cloud proxy has no account for alice's App ID
    And the office firewall lets everything out
    When alice calls startProxyServer, join "town-hall", stopProxyServer and join "town-hall"
    Then the first join failed
    And stopProxyServer returned normally
    And the last join succeeded and went direct

  @CP-API-10
  Scenario: After a direct join that failed, starting is allowed
    When alice calls join "town-hall", startProxyServer and join "town-hall"
    Then the first join failed
    And startProxyServer returned normally
    And the last join succeeded and went through the cloud proxy

  @CP-API-10
  Scenario Outline: After a direct join that failed, <method> is allowed
    When alice calls join "town-hall" and <method>
    Then the first join failed
    And <method> returned normally

    Examples:
      | method         |
      | setProxyServer |
      | setTurnServer  |

  @CP-SEQ-08
  Scenario: A join that fails leaves the cloud proxy on
    Given the office firewall allows the whitelist without rows T4, T5, T6 and T7
    When alice calls startProxyServer and join "town-hall"
    And the office firewall lets everything out
    And alice calls join "town-hall"
    Then the first join failed
    And the last join succeeded and went through the cloud proxy

  @CP-API-11
  Scenario: Stopping during a reconnect changes nothing and reports an error
    Given the office firewall lets everything out
    When alice calls startProxyServer and join "town-hall"
    And the office firewall starts again and lets nothing new out
    And alice sends "anybody there?"
    And alice's SDK reconnects
    And alice calls stopProxyServer
    And the office firewall lets everything out
    And alice leaves
    And 1 minute passes
    And alice calls join "town-hall"
    Then stopProxyServer returned an error
    And the first join succeeded and went through the cloud proxy
    And the last join succeeded and went through the cloud proxy

  @CP-API-11
  Scenario: Starting during a reconnect changes nothing and reports an error
    Given the office firewall lets everything out
    When alice calls join "town-hall"
    And the office firewall starts again and lets nothing new out
    And alice sends "anybody there?"
    And alice's SDK reconnects
    And alice calls startProxyServer
    And the office firewall lets everything out
    And alice leaves
    And 1 minute passes
    And alice calls join "town-hall"
    Then startProxyServer returned an error
    And every join succeeded and went direct
