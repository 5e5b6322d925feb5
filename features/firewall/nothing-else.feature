Feature: The whitelist lets through nothing else
  What isn't in a row is dropped, on the seven addresses and beside them, for others than the SDK's host, and
  from outside.

  @CP-FW-11
  Scenario: Exactly 163 combinations of protocol, address and port are open
    When every TCP and UDP port of the seven addresses is asked of the policy
    Then exactly 163 of 917504 are open
    When alice's computer sends a packet to each open one, to their neighbours and to 2000 others
    Then the firewall judged every packet as the policy said

  @CP-FW-12
  Scenario Outline: The ports beside a relay's TCP ports are closed: <address>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address        | ports                            | count |
      | TCP      | 23.236.115.138 | 442, 444, 3999, 4001, 3432, 3461 | 6     |
      | TCP      | 148.153.66.218 | 442, 444, 3999, 4001, 3432, 3461 | 6     |
      | TCP      | 164.52.87.25   | 442, 444, 3999, 4001, 3432, 3461 | 6     |

  @CP-FW-13
  Scenario Outline: The ports beside a relay's UDP ports are closed: <address>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address        | ports      | count |
      | UDP      | 23.236.115.138 | 3477, 3501 | 2     |
      | UDP      | 164.52.87.25   | 3477, 3501 | 2     |
      | UDP      | 148.153.66.218 | 3477, 3501 | 2     |

  @CP-FW-14
  Scenario Outline: A relay's TCP ports are closed to UDP: <address>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address        | ports                | count |
      | UDP      | 23.236.115.138 | 443, 4000, 3433-3460 | 30    |
      | UDP      | 148.153.66.218 | 443, 4000, 3433-3460 | 30    |
      | UDP      | 164.52.87.25   | 443, 4000, 3433-3460 | 30    |

  @CP-FW-15
  Scenario Outline: A relay's UDP ports are closed to TCP: <address>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address        | ports     | count |
      | TCP      | 23.236.115.138 | 3478-3500 | 23    |
      | TCP      | 164.52.87.25   | 3478-3500 | 23    |
      | TCP      | 148.153.66.218 | 3478-3500 | 23    |

  @CP-FW-16
  Scenario Outline: An edge is open on TCP 443 only: <protocol> <address>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address       | ports                     | count |
      | TCP      | 47.74.211.17  | 80, 4000, 3433            | 3     |
      | UDP      | 47.74.211.17  | 80, 443, 3433, 3478, 4000 | 5     |
      | TCP      | 52.80.192.229 | 80, 4000, 3433            | 3     |
      | UDP      | 52.80.192.229 | 80, 443, 3433, 3478, 4000 | 5     |
      | TCP      | 52.52.84.170  | 80, 4000, 3433            | 3     |
      | UDP      | 52.52.84.170  | 80, 443, 3433, 3478, 4000 | 5     |
      | TCP      | 47.96.234.219 | 80, 4000, 3433            | 3     |
      | UDP      | 47.96.234.219 | 80, 443, 3433, 3478, 4000 | 5     |

  @CP-FW-17
  Scenario Outline: Addresses beside the listed ones are closed: <protocol> <address>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address        | ports           | count |
      | TCP      | 23.236.115.137 | 443, 4000, 3433 | 3     |
      | UDP      | 23.236.115.137 | 3478            | 1     |
      | TCP      | 23.236.115.139 | 443, 4000, 3433 | 3     |
      | UDP      | 23.236.115.139 | 3478            | 1     |
      | TCP      | 148.153.66.217 | 443, 4000, 3433 | 3     |
      | UDP      | 148.153.66.217 | 3478            | 1     |
      | TCP      | 148.153.66.219 | 443, 4000, 3433 | 3     |
      | UDP      | 148.153.66.219 | 3478            | 1     |
      | TCP      | 164.52.87.24   | 443, 4000, 3433 | 3     |
      | UDP      | 164.52.87.24   | 3478            | 1     |
      | TCP      | 164.52.87.26   | 443, 4000, 3433 | 3     |
      | UDP      | 164.52.87.26   | 3478            | 1     |
      | TCP      | 47.74.211.16   | 443, 4000, 3433 | 3     |
      | UDP      | 47.74.211.16   | 3478            | 1     |
      | TCP      | 47.74.211.18   | 443, 4000, 3433 | 3     |
      | UDP      | 47.74.211.18   | 3478            | 1     |
      | TCP      | 52.80.192.228  | 443, 4000, 3433 | 3     |
      | UDP      | 52.80.192.228  | 3478            | 1     |
      | TCP      | 52.80.192.230  | 443, 4000, 3433 | 3     |
      | UDP      | 52.80.192.230  | 3478            | 1     |
      | TCP      | 52.52.84.169   | 443, 4000, 3433 | 3     |
      | UDP      | 52.52.84.169   | 3478            | 1     |
      | TCP      | 52.52.84.171   | 443, 4000, 3433 | 3     |
      | UDP      | 52.52.84.171   | 3478            | 1     |
      | TCP      | 47.96.234.218  | 443, 4000, 3433 | 3     |
      | UDP      | 47.96.234.218  | 3478            | 1     |
      | TCP      | 47.96.234.220  | 443, 4000, 3433 | 3     |
      | UDP      | 47.96.234.220  | 3478            | 1     |
      | TCP      | 148.153.66.221 | 443, 4000, 3433 | 3     |
      | UDP      | 148.153.66.221 | 3478            | 1     |

  @CP-FW-18
  Scenario Outline: Other hosts of the office are not let through: <protocol> <address>
    When printer's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address        | ports           | count |
      | TCP      | 23.236.115.138 | 443, 4000, 3433 | 3     |
      | TCP      | 47.74.211.17   | 443             | 1     |
      | UDP      | 164.52.87.25   | 3478, 3500      | 2     |

  @CP-FW-19
  Scenario Outline: What listed hosts send unasked is dropped: <protocol> from <host>
    When <host>'s computer tries <protocol> 10.10.0.2 on ports "<ports>"
    Then the firewall dropped all <count> by its unsolicited rule
    And nobody answered

    Examples:
      | host    | protocol | ports             | count |
      | relay-1 | TCP      | 443, 50000        | 2     |
      | relay-3 | UDP      | 3478, 49152-49155 | 5     |
      | edge-1  | TCP      | 443               | 1     |

  @CP-FW-19
  Scenario: Replies pass
    When alice's computer tries TCP 23.236.115.138 on ports "443"
    Then relay-1 answered all 1

  @CP-FW-20
  Scenario Outline: A host that isn't listed can't be reached: <protocol> <address>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | address       | ports          | count |
      | TCP      | 198.51.100.11 | 443            | 1     |
      | UDP      | 198.51.100.11 | 3478, 50000    | 2     |
      | TCP      | 203.0.113.20  | 80, 443        | 2     |

  @CP-FW-20
  Scenario Outline: IPv6 doesn't get out: <protocol>
    When alice-ipv6's computer tries <protocol> 2001:db8::138 on ports "<ports>"
    Then the firewall dropped all <count> by its default rule
    And nobody answered

    Examples:
      | protocol | ports           | count |
      | TCP      | 443, 4000, 3433 | 3     |
      | UDP      | 3478, 50000     | 2     |

  @CP-FW-20
  Scenario Outline: Pings don't get out: <host> to <address>
    When <host>'s computer pings <address>
    Then the firewall dropped all 1 by its default rule
    And nobody answered

    Examples:
      | host       | address        |
      | alice      | 23.236.115.138 |
      | alice      | 203.0.113.20   |
      | printer    | 47.74.211.17   |
      | alice-ipv6 | 2001:db8::138  |

  @CP-FW-20
  Scenario: In an open office the same packets arrive, and are answered
    Given the office firewall lets everything out
    When alice's computer pings 23.236.115.138
    Then relay-1 answered all 1
    When alice-ipv6's computer pings 2001:db8::138
    Then relay-1-ipv6 answered all 1

  @CP-FW-20
  Scenario Outline: <protocol> from <source> to <destination> is dropped by default
    Then the firewall would drop a first packet of <protocol> from <source> to <destination>

    Examples:
      | protocol | source              | destination          |
      | UDP      | 2001:db8:10::2      | ::ffff:23.236.115.138 |
      | TCP      | 2001:db8:10::2      | 23.236.115.138       |
      | GRE      | 10.10.0.2           | 23.236.115.138       |
      | SCTP     | 10.10.0.2           | 23.236.115.138       |

  @CP-FW-21
  Scenario Outline: The client's source port doesn't matter: <protocol>
    When alice's computer tries <protocol> 23.236.115.138 on ports "<port>" from each of the source ports "1, 443, 1024, 3478, 32768, 65535"
    Then the firewall let all 6 through by row <row>
    And relay-1 answered all 6

    Examples:
      | protocol | port | row |
      | TCP      | 443  | T1  |
      | UDP      | 3478 | T8  |

  @CP-FW-24
  Scenario: What is dropped stays without an answer
    When alice's computer tries TCP 23.236.115.138 on ports "80, 3461"
    Then each probe was left without an answer

  @CP-FW-24
  Scenario Outline: What is rejected is refused at once: <protocol>
    Given the office firewall rejects what it doesn't allow
    When alice's computer tries <protocol> 23.236.115.138 on ports "80, 3461"
    Then each probe was refused at once

    Examples:
      | protocol |
      | TCP      |
      | UDP      |
