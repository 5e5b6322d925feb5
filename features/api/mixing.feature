Feature: The cloud proxy and self-deployed servers can't be mixed
  Of two calls that can't stand together, the later one errors, in either order.

  @CP-API-12
  Scenario: startProxyServer after setProxyServer errors
    When alice sets the proxy server "proxy.example.test"
    And alice starts the cloud proxy
    Then setProxyServer returned normally
    And startProxyServer returned an error

  @CP-API-13
  Scenario: startProxyServer after setTurnServer errors
    When alice sets the TURN server "turn.example.test"
    And alice starts the cloud proxy
    Then setTurnServer returned normally
    And startProxyServer returned an error

  @CP-API-14
  Scenario: setProxyServer after startProxyServer errors
    When alice starts the cloud proxy
    And alice sets the proxy server "proxy.example.test"
    Then startProxyServer returned normally
    And setProxyServer returned an error

  @CP-API-15
  Scenario: setTurnServer after startProxyServer errors
    When alice starts the cloud proxy
    And alice sets the TURN server "turn.example.test"
    Then startProxyServer returned normally
    And setTurnServer returned an error
