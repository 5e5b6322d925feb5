Feature: Settings belong to one client
  One SDK can have several clients, each with settings of its own.

  Background:
    Given the office firewall lets everything out

  @CP-API-29
  Scenario: What one client sets leaves another alone
    When alice uses her first client
    And alice calls startProxyServer
    And alice uses her second client
    And alice calls join "town-hall"
    And alice uses her first client
    And alice calls join "town-hall"
    Then the join of alice's second client went direct
    And the join of alice's first client went through the cloud proxy

  @CP-API-29
  Scenario: One client's setting doesn't conflict with another's, and its stop takes nothing from it
    When alice uses her first client
    And alice calls startProxyServer
    And alice uses her second client
    And alice calls setProxyServer
    And alice uses her third client
    And alice calls setTurnServer and stopProxyServer
    And alice uses her second client
    And alice calls join "town-hall"
    And alice uses her first client
    And alice calls join "town-hall"
    Then every call of the four methods returned normally
    And the join of alice's second client went through the proxy server
    And the join of alice's first client went through the cloud proxy

  @CP-API-29
  Scenario: One client in a call doesn't forbid another to start
    When alice uses her first client
    And alice calls join "town-hall"
    And alice uses her second client
    And alice calls startProxyServer and join "town-hall"
    Then startProxyServer returned normally
    And the join of alice's first client went direct
    And the join of alice's second client went through the cloud proxy

  @CP-API-29
  Scenario: What another client does leaves a call as it is, also when it comes back after a loss
    When alice uses her first client
    And alice calls startProxyServer and join "town-hall"
    And alice uses her second client
    And alice calls join "town-hall", leave and stopProxyServer
    And alice uses her first client
    And alice publishes
    Then publishing succeeded
    And alice's media went through the cloud proxy
    When the relay that carries alice's messages stops
    And alice sends "still here"
    And 1 minute passes
    Then the join of alice's first client went through the cloud proxy
