Feature: stopProxyServer disables everything
  Whatever was set, by which method and in which order, is gone after stopProxyServer: the next join and its
  media go direct. A stopProxyServer that comes at a forbidden time takes nothing away.

  Background:
    Given the office firewall lets everything out

  @CP-API-21
  Scenario: It clears what startProxyServer set
    When alice calls startProxyServer, stopProxyServer and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then the last join succeeded and went direct
    And SD-RTN heard alice's join, messages and media from her own address only
    And alice sent no packet to an edge or a relay

  @CP-API-21
  Scenario: And so it does each time
    When alice calls startProxyServer, stopProxyServer, startProxyServer, stopProxyServer and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then the last join succeeded and went direct
    And alice sent no packet to an edge or a relay

  @CP-API-21
  Scenario: However often startProxyServer was called, once is enough
    When alice calls startProxyServer, startProxyServer, stopProxyServer and join "town-hall"
    And alice sends "good morning"
    Then stopProxyServer returned normally
    And the last join succeeded and went direct
    And alice sent no packet to an edge or a relay

  Scenario Outline: It clears what <what> set
    When alice calls <what>
    And alice calls stopProxyServer and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then stopProxyServer returned normally
    And the last join succeeded and went direct
    And SD-RTN heard alice's join, messages and media from her own address only
    And the proxy server heard nothing of alice since her last join
    And the TURN server heard nothing of alice since her last join

    @CP-API-22
    Examples: The proxy server
      | what           |
      | setProxyServer |

    @CP-API-23
    Examples: The TURN server
      | what          |
      | setTurnServer |

    @CP-API-24
    Examples: Both
      | what                             |
      | setProxyServer and setTurnServer |
      | setTurnServer and setProxyServer |

  Scenario Outline: It clears what <what> set for a call that is over
    When alice calls <what>
    And alice calls join "town-hall", leave, stopProxyServer and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then stopProxyServer returned normally
    And the last join succeeded and went direct
    And alice's messages went direct
    And alice's media went direct
    And the proxy server heard nothing of alice since her last join
    And the TURN server heard nothing of alice since her last join

    @CP-API-22
    Examples: The proxy server
      | what           |
      | setProxyServer |

    @CP-API-23
    Examples: The TURN server
      | what          |
      | setTurnServer |

    @CP-API-24
    Examples: Both
      | what                             |
      | setProxyServer and setTurnServer |

  @CP-API-31
  Scenario Outline: It clears <servers> of createClient
    When alice creates a client with the company's <servers>
    And alice calls stopProxyServer and join "town-hall"
    And alice publishes
    Then stopProxyServer returned normally
    And the last join succeeded and went direct
    And alice's media went direct
    And the proxy server heard nothing of alice since her last join
    And the TURN server heard nothing of alice since her last join

    Examples:
      | servers                    |
      | proxyServer                |
      | turnServer                 |
      | proxyServer and turnServer |

  @CP-API-26
  Scenario Outline: When it is refused it clears nothing of <what>
    When alice calls <what>
    And alice calls join "town-hall", stopProxyServer, leave and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then every join succeeded and went <messages>
    And alice's messages went <messages>
    And alice's media went <media>

    Examples:
      | what                             | messages                 | media                   |
      | startProxyServer                 | through the cloud proxy  | through the cloud proxy |
      | setProxyServer                   | through the proxy server | direct                  |
      | setTurnServer                    | direct                   | through the TURN server |
      | setProxyServer and setTurnServer | through the proxy server | through the TURN server |

  @CP-API-27
  Scenario: Stopping with nothing set is harmless
    When alice calls stopProxyServer, stopProxyServer and join "town-hall"
    Then every call of the four methods returned normally
    And the last join succeeded and went direct

  @CP-API-27
  Scenario: Starting again is harmless
    When alice calls startProxyServer, startProxyServer and join "town-hall"
    Then every call of the four methods returned normally
    And the last join succeeded and went through the cloud proxy

  @CP-API-27
  Scenario: Starting again leaves one thing to stop
    When alice calls startProxyServer, startProxyServer, stopProxyServer and join "town-hall"
    Then every call of the four methods returned normally
    And the last join succeeded and went direct
