Feature: Permissions, channels and data: RFC 8656, sections 9 to 12
  Whom a client may reach and be reached by, for how long, and what passes between them. The peers are sockets
  on SD-RTN's gateways.

  @CP-RLY-21
  Scenario Outline: CreatePermission installs a permission for each peer or for none, over <transport>
    When a raw TURN client runs the rows of CP-RLY-21 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-22
  Scenario Outline: A peer that isn't SD-RTN gets 403, over <transport>
    When a raw TURN client runs the rows of CP-RLY-22 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-23
  Scenario Outline: A peer of the wrong family gets 443, over <transport>
    When a raw TURN client runs the rows of CP-RLY-23 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-24
  Scenario Outline: A permission is for an address, whatever the port, and lasts 300 s, over <transport>
    When a raw TURN client runs the rows of CP-RLY-24 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-25
  Scenario Outline: A Send indication that isn't in order is dropped, over <transport>
    When a raw TURN client runs the rows of CP-RLY-25 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-26
  Scenario Outline: A peer's packet needs a permission and arrives whole or not at all, over <transport>
    When a raw TURN client runs the rows of CP-RLY-26 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-27
  Scenario Outline: A channel outside 0x4000 to 0x4FFF gets 400, over <transport>
    When a raw TURN client runs the rows of CP-RLY-27 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-28
  Scenario Outline: A channel has one peer and a peer one channel, for 600 s, over <transport>
    When a raw TURN client runs the rows of CP-RLY-28 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-29
  Scenario Outline: ChannelData on an unbound channel or longer than its packet is dropped, over <transport>
    When a raw TURN client runs the rows of CP-RLY-29 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-30
  Scenario: Messages over TCP are read the same however they are split or joined
    When a raw TURN client runs the rows of CP-RLY-30 against relay-1 over TCP
    Then every row passed
