Feature: The whitelist lets through what its rows say
  Each row is tried with real packets from alice's computer, and each of its ports with the server behind
  it: an open port where nobody listens would be as useless as a closed one.

  Scenario Outline: Row <row> opens <protocol> <address>, ports <ports>
    When alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall let all <count> through by row <row>
    And <server> answered all <count>

    @CP-FW-01
    Examples: Row T1
      | row | protocol | address        | ports                | count | server  |
      | T1  | TCP      | 23.236.115.138 | 443, 4000, 3433-3460 | 30    | relay-1 |

    @CP-FW-02
    Examples: Row T2
      | row | protocol | address        | ports                | count | server  |
      | T2  | TCP      | 148.153.66.218 | 443, 4000, 3433-3460 | 30    | relay-2 |

    @CP-FW-03
    Examples: Row T3
      | row | protocol | address      | ports                | count | server  |
      | T3  | TCP      | 164.52.87.25 | 443, 4000, 3433-3460 | 30    | relay-3 |

    @CP-FW-04
    Examples: Row T4
      | row | protocol | address      | ports | count | server |
      | T4  | TCP      | 47.74.211.17 | 443   | 1     | edge-1 |

    @CP-FW-05
    Examples: Row T5
      | row | protocol | address       | ports | count | server |
      | T5  | TCP      | 52.80.192.229 | 443   | 1     | edge-2 |

    @CP-FW-06
    Examples: Row T6
      | row | protocol | address      | ports | count | server |
      | T6  | TCP      | 52.52.84.170 | 443   | 1     | edge-3 |

    @CP-FW-07
    Examples: Row T7
      | row | protocol | address       | ports | count | server |
      | T7  | TCP      | 47.96.234.219 | 443   | 1     | edge-4 |

    @CP-FW-08
    Examples: Row T8
      | row | protocol | address        | ports     | count | server  |
      | T8  | UDP      | 23.236.115.138 | 3478-3500 | 23    | relay-1 |

    @CP-FW-09
    Examples: Row T9
      | row | protocol | address      | ports     | count | server  |
      | T9  | UDP      | 164.52.87.25 | 3478-3500 | 23    | relay-3 |

    @CP-FW-10
    Examples: Row T10
      | row | protocol | address        | ports     | count | server  |
      | T10 | UDP      | 148.153.66.218 | 3478-3500 | 23    | relay-2 |
