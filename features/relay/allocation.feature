Feature: Allocations: RFC 8656, sections 5 to 8
  Whose a 5-tuple is, what an Allocate may ask for and gets, how long it lives. Hours pass in the world's time.

  @CP-RLY-09
  Scenario Outline: On an unknown 5-tuple requests get 437, and all else is ignored, over <transport>
    When a raw TURN client runs the rows of CP-RLY-09 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-10
  Scenario Outline: Another user on someone's allocation gets 441, over <transport>
    When a raw TURN client runs the rows of CP-RLY-10 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-11
  Scenario Outline: A second Allocate gets 437, the same one again the same success, over <transport>
    When a raw TURN client runs the rows of CP-RLY-11 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-12
  Scenario Outline: Only UDP is relayed: no REQUESTED-TRANSPORT gets 400, another one 442, over <transport>
    When a raw TURN client runs the rows of CP-RLY-12 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-13
  Scenario Outline: DONT-FRAGMENT is honoured, or refused with 420, over <transport>
    When a raw TURN client runs the rows of CP-RLY-13 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-14
  Scenario Outline: A RESERVATION-TOKEN with what contradicts it gets 400, a bad one 508, over <transport>
    When a raw TURN client runs the rows of CP-RLY-14 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-15
  Scenario Outline: EVEN-PORT gives an even port and holds the next one, over <transport>
    When a raw TURN client runs the rows of CP-RLY-15 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-16
  Scenario Outline: An address family that isn't there gets 440, families that contradict each other 400, over <transport>
    When a raw TURN client runs the rows of CP-RLY-16 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-17
  Scenario Outline: Over the quota an Allocate gets 486, without a free port 508, over <transport>
    When a raw TURN client runs the rows of CP-RLY-17 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-18
  Scenario Outline: A success carries the relayed address, the mapped address and the lifetime, over <transport>
    When a raw TURN client runs the rows of CP-RLY-18 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-19
  Scenario Outline: A lifetime is no less than the default and no more than the maximum, over <transport>
    When a raw TURN client runs the rows of CP-RLY-19 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-20
  Scenario Outline: Refresh 0 deletes, the wrong family gets 443, over <transport>
    When a raw TURN client runs the rows of CP-RLY-20 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |
