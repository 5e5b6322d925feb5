Feature: Without the proxy, behind the whitelist
  The office's firewall lets out what the whitelist lists and nothing else. Once the cloud proxy is off there
  is no way to SD-RTN, and the SDK must not turn it on again by itself.

  @CP-SEQ-05
  Scenario: After stopProxyServer a join fails and the cloud proxy hears nothing of it
    When alice calls startProxyServer, join "town-hall", leave, stopProxyServer and join "town-hall"
    Then the first join succeeded and went through the cloud proxy
    And stopProxyServer returned normally
    And joining failed within its limit
    And the cloud proxy heard nothing of alice since her last join
