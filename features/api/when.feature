Feature: When the cloud proxy may be turned on and off
  Before a join and after a leave. At any other time startProxyServer and stopProxyServer change nothing:
  not the call at hand, and not the next one. That they also report an error then is our reading of the
  document, and judged apart.

  Background:
    Given the office firewall lets everything out

  @CP-API-01
  Scenario: Starting before a join, before init too
    When alice creates a client, starts the cloud proxy, inits and joins "town-hall"
    Then startProxyServer returned normally
    And the last join succeeded and went through the cloud proxy

  @CP-API-01
  Scenario: Starting between init and a join
    When alice creates a client and inits it
    And alice calls startProxyServer and join "town-hall"
    Then startProxyServer returned normally
    And the last join succeeded and went through the cloud proxy

  @CP-API-02
  Scenario: Starting after a leave
    When alice calls join "town-hall", leave, startProxyServer and join "town-hall"
    Then startProxyServer returned normally
    And the last join succeeded and went through the cloud proxy

  @CP-API-02
  Scenario: Starting while leave is under way
    When alice calls join "town-hall"
    And alice calls leave, startProxyServer and join "town-hall" without waiting
    Then startProxyServer returned normally
    And the first join succeeded and went direct
    And the last join succeeded and went through the cloud proxy

  @CP-API-03
  Scenario: Starting while connected changes nothing
    When alice calls join "town-hall" and startProxyServer
    And alice sends "still here"
    And alice publishes
    And the watch time passes
    And alice calls leave and join "town-hall"
    And alice sends "here again"
    Then every join succeeded and went direct
    And SD-RTN heard alice's join, messages and media from her own address only
    And alice sent no packet to an edge or a relay

  @CP-API-03
  Scenario: Starting while connected through servers of the company's changes nothing
    When alice calls setProxyServer, join "town-hall", startProxyServer, leave and join "town-hall"
    Then every join succeeded and went through the proxy server
    And alice sent no packet to an edge or a relay

  @CP-API-03
  Scenario: Nor does starting change which way a call comes back when its connection is lost
    When alice calls join "town-hall" and startProxyServer
    And the office firewall forgets all flows, and resets what belongs to none
    And alice sends "still here"
    And 1 minute passes
    Then every join succeeded and went direct
    And alice sent no packet to an edge or a relay

  @CP-API-04
  Scenario: Starting while connecting changes nothing
    When alice calls join "town-hall" and startProxyServer without waiting
    And alice sends "here I am"
    And alice publishes
    And 1 second passes
    And alice calls leave and join "town-hall"
    Then alice was still joining when she called startProxyServer
    And every join succeeded and went direct
    And alice sent no packet to an edge or a relay

  @CP-API-32
  Scenario: Starting while connected reports an error
    When alice calls join "town-hall" and startProxyServer
    Then the last join succeeded and went direct
    And startProxyServer returned an error

  @CP-API-33
  Scenario: Starting while connecting reports an error
    When alice calls join "town-hall" and startProxyServer without waiting
    Then alice was still joining when she called startProxyServer
    And startProxyServer returned an error

  @CP-API-05
  Scenario: Stopping before a join
    When alice calls startProxyServer, stopProxyServer and join "town-hall"
    Then every call of the four methods returned normally
    And the last join succeeded and went direct

  @CP-API-06
  Scenario: Stopping after a leave
    When alice calls startProxyServer, join "town-hall", leave, stopProxyServer and join "town-hall"
    Then every call of the four methods returned normally
    And the last join succeeded and went direct

  @CP-API-07
  Scenario: Stopping while connected changes nothing
    When alice calls startProxyServer, join "town-hall" and stopProxyServer
    And alice sends "still here"
    And alice publishes
    And the watch time passes
    And alice calls leave and join "town-hall"
    And alice sends "here again"
    Then every join succeeded and went through the cloud proxy
    And SD-RTN heard alice's join, messages and media from relay addresses only

  @CP-API-07
  Scenario: Nor does stopping change which way a call comes back when its connection is lost
    When alice calls startProxyServer, join "town-hall" and stopProxyServer
    And the relay that carries alice's messages stops
    And alice sends "still here"
    And 1 minute passes
    Then every join succeeded and went through the cloud proxy
    And alice sent packets to edges and relays only

  @CP-API-08
  Scenario: Stopping while connecting changes nothing
    When alice calls startProxyServer
    And alice calls join "town-hall" and stopProxyServer without waiting
    And alice sends "here I am"
    And alice publishes
    And 1 second passes
    And alice calls leave and join "town-hall"
    Then alice was still joining when she called stopProxyServer
    And every join succeeded and went through the cloud proxy
    And SD-RTN heard alice's join, messages and media from relay addresses only

  @CP-API-34
  Scenario: Stopping while connected reports an error
    When alice calls startProxyServer, join "town-hall" and stopProxyServer
    Then the last join succeeded and went through the cloud proxy
    And stopProxyServer returned an error

  @CP-API-35
  Scenario: Stopping while connecting reports an error
    When alice calls startProxyServer
    And alice calls join "town-hall" and stopProxyServer without waiting
    Then alice was still joining when she called stopProxyServer
    And stopProxyServer returned an error

  @CP-API-09
  Scenario: Stopping straight after leave
    When alice calls startProxyServer and join "town-hall"
    And alice calls leave and stopProxyServer without waiting
    And alice calls join "town-hall"
    Then every call of the four methods returned normally
    And the last join succeeded and went direct

  @CP-API-28
  Scenario Outline: <method> <when> changes nothing and reports an error
    When alice calls <calls>
    And alice calls leave and join "town-hall"
    And alice publishes
    Then <method> returned an error
    And every join succeeded and went direct
    And alice's media went direct

    Examples:
      | method         | when             | calls                                               |
      | setProxyServer | while connected  | join "town-hall" and setProxyServer                 |
      | setTurnServer  | while connected  | join "town-hall" and setTurnServer                  |
      | setProxyServer | while connecting | join "town-hall" and setProxyServer without waiting |
      | setTurnServer  | while connecting | join "town-hall" and setTurnServer without waiting  |

  @CP-API-28
  Scenario Outline: <method> in a proxied call changes nothing and reports an error
    When alice calls startProxyServer, join "town-hall", <method>, leave and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then <method> returned an error
    And every join succeeded and went through the cloud proxy
    And alice's messages went through the cloud proxy
    And alice's media went through the cloud proxy

    Examples:
      | method         |
      | setProxyServer |
      | setTurnServer  |
