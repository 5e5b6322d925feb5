Feature: The cloud proxy and servers of one's own can't be mixed
  Of two calls that can't stand together, the later one errors, in either order, and what the earlier one
  set stays. Which way the next join goes tells what is set: errors alone don't.

  Background:
    Given the office firewall lets everything out

  @CP-API-12
  Scenario: startProxyServer after setProxyServer errors
    When alice calls setProxyServer and startProxyServer
    Then setProxyServer returned normally
    And startProxyServer returned an error

  @CP-API-13
  Scenario: startProxyServer after setTurnServer errors
    When alice calls setTurnServer and startProxyServer
    Then setTurnServer returned normally
    And startProxyServer returned an error

  @CP-API-13
  Scenario: Also if media may go another way than through the TURN server
    When alice calls setTurnServer with:
      """
      {"turnServerURL": "turn.example.test", "username": "alice", "password": "wonderland", "udpport": "3478"}
      """
    And alice calls startProxyServer
    Then setTurnServer returned normally
    And startProxyServer returned an error

  @CP-API-14
  Scenario: setProxyServer after startProxyServer errors
    When alice calls startProxyServer and setProxyServer
    Then startProxyServer returned normally
    And setProxyServer returned an error

  @CP-API-15
  Scenario: setTurnServer after startProxyServer errors
    When alice calls startProxyServer and setTurnServer
    Then startProxyServer returned normally
    And setTurnServer returned an error

  @CP-API-15
  Scenario: Also if media might go another way than through the TURN server
    When alice calls startProxyServer
    And alice calls setTurnServer with:
      """
      {"turnServerURL": "turn.example.test", "username": "alice", "password": "wonderland", "udpport": "3478"}
      """
    Then startProxyServer returned normally
    And setTurnServer returned an error

  @CP-API-15
  Scenario: Also if there is an array of them
    When alice calls startProxyServer
    And alice calls setTurnServer with the company's server in an array, behind one that is silent
    Then startProxyServer returned normally
    And setTurnServer returned an error

  @CP-API-16
  Scenario Outline: startProxyServer after <sets> errors
    When alice calls <sets>
    And alice calls startProxyServer
    Then setProxyServer returned normally
    And setTurnServer returned normally
    And startProxyServer returned an error

    Examples:
      | sets                             |
      | setProxyServer and setTurnServer |
      | setTurnServer and setProxyServer |

  @CP-API-17
  Scenario: A refused startProxyServer leaves the proxy server set
    When alice calls setProxyServer, startProxyServer and join "town-hall"
    And alice sends "good morning"
    Then the last join succeeded and went through the proxy server
    And alice's messages went through the proxy server
    And alice sent no packet to an edge or a relay

  @CP-API-17
  Scenario: A refused startProxyServer leaves the TURN server set
    When alice calls setTurnServer, startProxyServer and join "town-hall"
    And alice publishes
    Then the last join succeeded and went direct
    And alice's media went through the TURN server
    And alice sent no packet to an edge or a relay

  @CP-API-17
  Scenario Outline: A refused <method> leaves the cloud proxy on
    When alice calls startProxyServer, <method> and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then the last join succeeded and went through the cloud proxy
    And SD-RTN heard alice's join, messages and media from relay addresses only
    And the proxy server heard nothing of alice since her last join
    And the TURN server heard nothing of alice since her last join

    Examples:
      | method         |
      | setProxyServer |
      | setTurnServer  |

  @CP-API-17
  Scenario Outline: A <refused> that was refused doesn't come into force with stopProxyServer
    When alice calls <set>, <refused>, stopProxyServer and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then stopProxyServer returned normally
    And the last join succeeded and went direct
    And SD-RTN heard alice's join, messages and media from her own address only
    And the proxy server heard nothing of alice since her last join
    And the TURN server heard nothing of alice since her last join

    Examples:
      | set              | refused          |
      | startProxyServer | setProxyServer   |
      | startProxyServer | setTurnServer    |
      | setProxyServer   | startProxyServer |
      | setTurnServer    | startProxyServer |

  @CP-API-18
  Scenario Outline: <sets> go together
    When alice calls <sets>
    And alice calls join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then every call of the four methods returned normally
    And the last join succeeded and went through the proxy server
    And alice's messages went through the proxy server
    And alice's media went through the TURN server

    Examples:
      | sets                             |
      | setProxyServer and setTurnServer |
      | setTurnServer and setProxyServer |

  @CP-API-19
  Scenario Outline: <servers> of createClient counts as set
    When alice creates a client with the company's <servers>
    And alice calls startProxyServer
    Then startProxyServer returned an error

    Examples:
      | servers                    |
      | proxyServer                |
      | turnServer                 |
      | proxyServer and turnServer |

  @CP-API-20
  Scenario Outline: <later> after <earlier> errors, also after leaving and joining again
    When alice calls <earlier>, join "town-hall", leave, join "town-hall", leave and <later>
    Then <earlier> returned normally
    And <later> returned an error

    Examples:
      | earlier          | later            |
      | setProxyServer   | startProxyServer |
      | setTurnServer    | startProxyServer |
      | startProxyServer | setProxyServer   |
      | startProxyServer | setTurnServer    |

  @CP-API-25
  Scenario Outline: <set>, stopProxyServer and startProxyServer all succeed
    When alice calls <set>
    And alice calls stopProxyServer, startProxyServer and join "town-hall"
    Then every call of the four methods returned normally
    And the last join succeeded and went through the cloud proxy

    Examples:
      | set                              |
      | setProxyServer                   |
      | setTurnServer                    |
      | setProxyServer and setTurnServer |

  @CP-API-25
  Scenario Outline: startProxyServer, stopProxyServer and <set> all succeed
    When alice calls startProxyServer and stopProxyServer
    And alice calls <set>
    And alice calls join "town-hall"
    And alice publishes
    Then every call of the four methods returned normally
    And the last join succeeded and went <messages>
    And alice's media went <media>

    Examples:
      | set            | messages                 | media                   |
      | setProxyServer | through the proxy server | direct                  |
      | setTurnServer  | direct                   | through the TURN server |
