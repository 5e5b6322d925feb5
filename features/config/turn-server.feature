Feature: What setTurnServer takes and does
  By the typings it takes an object, or an array of them: turnServerURL, username and password are texts of 1
  to 255 ASCII bytes, udpport and the optional tcpport strings of digits. It is a way for media alone, and
  with forceturn the only one.

  @CP-CFG-02
  Scenario Outline: A <key> of <what> returns <how>
    When alice calls setTurnServer with <key> <value>
    Then setTurnServer returned <how>

    Examples: The server's name
      | key           | what                 | value               | how      |
      | turnServerURL | no bytes             | ""                  | an error |
      | turnServerURL | 255 bytes            | 255 bytes           | normally |
      | turnServerURL | 256 bytes            | 256 bytes           | an error |
      | turnServerURL | letters beyond ASCII | "türn.example.test" | an error |

    Examples: The user's name
      | key      | what                 | value     | how      |
      | username | no bytes             | ""        | an error |
      | username | 255 bytes            | 255 bytes | normally |
      | username | 256 bytes            | 256 bytes | an error |
      | username | letters beyond ASCII | "алиса"   | an error |

    Examples: The password
      | key      | what                 | value      | how      |
      | password | no bytes             | ""         | an error |
      | password | 255 bytes            | 255 bytes  | normally |
      | password | 256 bytes            | 256 bytes  | an error |
      | password | letters beyond ASCII | "pässword" | an error |

  @CP-CFG-03
  Scenario Outline: A <key> of "<value>" returns <how>
    When alice calls setTurnServer with <key> "<value>"
    Then setTurnServer returned <how>

    Examples: udpport
      | key     | value | how      |
      | udpport | 1     | normally |
      | udpport | 65535 | normally |
      | udpport |       | an error |
      | udpport | 0     | an error |
      | udpport | 65536 | an error |
      | udpport | -1    | an error |
      | udpport | 34a8  | an error |
      | udpport | 3478. | an error |
      | udpport | +3478 | an error |
      | udpport | 1e3   | an error |

    Examples: tcpport
      | key     | value | how      |
      | tcpport | 1     | normally |
      | tcpport | 65535 | normally |
      | tcpport | 0     | an error |
      | tcpport | 65536 | an error |
      | tcpport | -1    | an error |
      | tcpport | 34a8  | an error |
      | tcpport | +3478 | an error |

  @CP-CFG-03
  Scenario Outline: Without <key> it returns <how>
    When alice calls setTurnServer without <key>
    Then setTurnServer returned <how>

    Examples:
      | key     | how      |
      | udpport | an error |
      | tcpport | normally |

  @CP-CFG-04
  Scenario Outline: With <what>, media goes direct
    Given the office firewall lets everything out
    When alice calls setTurnServer with:
      """
      {"turnServerURL": "turn.example.test", "username": "alice", "password": "<password>", "udpport": "<port>"<forceturn>}
      """
    And alice calls join "town-hall"
    And alice publishes
    Then setTurnServer returned normally
    And publishing succeeded
    And alice's media went direct

    Examples:
      | what                                  | password      | port | forceturn            |
      | no forceturn and a silent TURN server | wonderland    | 3999 |                      |
      | no forceturn and one that refuses her | looking-glass | 3478 |                      |
      | forceturn false and a silent one      | wonderland    | 3999 | , "forceturn": false |

  @CP-CFG-03
  Scenario: One that is refused leaves the one before
    Given the office firewall lets everything out
    When alice calls setTurnServer
    And alice calls setTurnServer with udpport "65536"
    And alice calls join "town-hall"
    And alice publishes
    Then setTurnServer returned an error
    And alice's media went through the TURN server

  @CP-CFG-04
  Scenario: With forceturn, media goes through the TURN server and no other way
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice calls setTurnServer and join "town-hall"
    And alice publishes
    And alice subscribes to bob
    And 5 seconds pass
    Then publishing succeeded
    And alice's media went through the TURN server

  @CP-CFG-04
  Scenario: With forceturn and a TURN server that does not answer, no media goes direct
    Given the office firewall lets everything out
    When alice calls setTurnServer with:
      """
      {"turnServerURL": "turn.example.test", "username": "alice", "password": "wonderland", "udpport": "3999", "forceturn": true}
      """
    And alice calls join "town-hall"
    And alice publishes
    Then publishing failed within its limit
    And SD-RTN got no media from alice

  @CP-CFG-05
  Scenario Outline: The unknown key <key> doesn't make media relay-only
    Given the office firewall lets everything out
    When alice calls setTurnServer with:
      """
      {"turnServerURL": "turn.example.test", "username": "alice", "password": "wonderland", "udpport": "3999", "<key>": true}
      """
    And alice calls join "town-hall"
    And alice publishes
    Then publishing succeeded
    And alice's media went direct

    Examples:
      | key        |
      | forceTurn  |
      | ForceTurn  |
      | force_turn |
      | FORCETURN  |

  @CP-CFG-06
  Scenario Outline: It takes the server <how>
    Given the office firewall lets everything out
    When alice calls setTurnServer with the company's server <how>
    And alice calls join "town-hall"
    And alice publishes
    Then setTurnServer returned normally
    And alice's media went through the TURN server

    Examples:
      | how                                    |
      | as an object                           |
      | in an array                            |
      | in an array, behind one that is silent |
      | in an array, before one that is silent |

  @CP-CFG-06
  Scenario: Servers in an array are set as one is: startProxyServer errors
    When alice calls setTurnServer with the company's server in an array, behind one that is silent
    And alice calls startProxyServer
    Then setTurnServer returned normally
    And startProxyServer returned an error

  @CP-CFG-08
  Scenario: It carries media and no messages
    Given the office firewall lets everything out
    When alice calls setTurnServer and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    And 5 seconds pass
    Then the last join succeeded and went direct
    And alice's messages went direct
    And alice's media went through the TURN server
    And the TURN server got nothing from alice but TURN

  @CP-CFG-08
  Scenario: So does one that is named after a call without any
    Given the office firewall lets everything out
    When alice calls join "town-hall", leave, setTurnServer and join "town-hall"
    And alice publishes
    Then publishing succeeded
    And alice's media went through the TURN server

  @CP-CFG-08
  Scenario: The TURN server that is named last carries it
    Given the office firewall lets everything out
    When alice calls setTurnServer with:
      """
      {"turnServerURL": "turn.example.test", "username": "alice", "password": "wonderland", "udpport": "3999", "forceturn": true}
      """
    And alice calls setTurnServer and join "town-hall"
    And alice publishes
    And 5 seconds pass
    Then publishing succeeded
    And alice's media went through the TURN server

  @CP-CFG-08
  Scenario: Where udpport is silent, tcpport carries it
    Given the office firewall lets everything out
    When alice calls setTurnServer with:
      """
      {"turnServerURL": "turn.example.test", "username": "alice", "password": "wonderland", "udpport": "3999", "tcpport": "3478", "forceturn": true}
      """
    And alice calls join "town-hall"
    And alice publishes
    And 5 seconds pass
    Then publishing succeeded
    And alice's media went through the TURN server
