Feature: When a way is closed or lost
  The cloud proxy has more than one way: media over TCP where UDP is closed, and another relay where one is
  lost. What there never is, is a way around it.

  Where a relay dies, a new lookup is what the document's steps suggest. An SDK that goes on through another relay
  of the answer that it has is as sound: that is what an answer names several for. Only where every relay is gone
  must it ask again, or say that the call has failed.

  @CP-RES-01
  Scenario: With UDP closed, media moves to TCP
    Given the office firewall allows the whitelist without rows T8, T9 and T10
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And bob subscribes to alice
    Then publishing succeeded
    And alice's media went through the cloud proxy
    And alice's media passed the firewall on TCP ports 3433-3460 of the relays only
    And alice receives bob's audio and video
    And bob receives alice's audio and video

  @CP-RES-10
  Scenario: With only half of the UDP ports open the call succeeds, on an open port or on TCP
    Given the office firewall allows the whitelist without UDP ports "3490-3500"
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And bob subscribes to alice
    Then publishing succeeded
    And alice's media went through the cloud proxy
    And bob receives alice's audio and video

  @CP-RES-11
  Scenario: When replies over UDP stop coming, media moves to TCP or fails by name
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And 1 second passes
    And the office firewall lets no UDP in any more
    Then alice's media goes on over TCP, or she is told that it doesn't
    When alice leaves
    Then alice sent packets to edges and relays only

  @CP-RES-15
  Scenario Outline: With the first relay of the answer gone, the call goes through another (it <fails>)
    Given the relay that the lookup names first for "town-hall" <fails>
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And bob subscribes to alice
    Then the last join was proxied
    And publishing succeeded
    And bob received "good morning" from alice
    And bob receives alice's audio and video

    Examples:
      | fails                |
      | stops                |
      | goes off the network |

  @CP-RES-16
  Scenario Outline: With row <row> missing, the lookup goes to an edge of another row
    Given the office firewall allows the whitelist without row <row>
    When alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
    And the last join was proxied

    Examples:
      | row |
      | T4  |
      | T5  |
      | T6  |
      | T7  |

  @CP-RES-06
  Scenario Outline: The relay that carries the messages <dies>
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And the relay that carries alice's messages <dies>
    And alice sends "anybody there?"
    Then alice's messages go on through another relay, or she is told that they don't
    And alice sent packets to edges and relays only

    Examples:
      | dies                 |
      | stops                |
      | goes off the network |

  @CP-RES-06
  Scenario Outline: The relay that carries the media <dies>
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And 1 second passes
    And the relay that carries alice's media <dies>
    Then alice's media goes on through another relay, or she is told that it doesn't
    And alice sent packets to edges and relays only

    Examples:
      | dies                 |
      | stops                |
      | goes off the network |

  @CP-RES-06
  Scenario Outline: Every relay <dies>
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And every relay <dies>
    Then alice's SDK looks up again, or she is told that the call has failed
    And alice sent packets to edges and relays only

    Examples:
      | dies                 |
      | stops                |
      | goes off the network |

  @CP-RES-06
  Scenario Outline: Every lookup edge and every relay <dies>
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And edge-1 <dies>
    And edge-2 <dies>
    And edge-3 <dies>
    And edge-4 <dies>
    And every relay <dies>
    And alice sends "anybody there?"
    And 1 minute passes
    Then alice is in the channel
    And alice sent packets to edges and relays only

    Examples:
      | dies                 |
      | stops                |
      | goes off the network |

  @CP-RES-17
  Scenario Outline: What alice says while her SDK reconnects isn't lost in silence (the relay <dies>)
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And the relay that carries alice's messages <dies>
    And alice's SDK reconnects
    And alice sends "anybody there?"
    Then alice's last message arrives once, or she is told that it doesn't

    Examples:
      | dies                 |
      | stops                |
      | goes off the network |
