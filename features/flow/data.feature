Feature: Steps 3 and 4: all data through the cloud proxy
  Once the lookup is answered, everything that client and SD-RTN have to say to each other goes through a
  relay, both ways. The office's firewall lets everything out wherever a scenario looks for data that
  goes past the relays: behind a closed one it could not be seen to arrive.

  @CP-FLOW-04
  Scenario: All of the client's data reaches SD-RTN from relay addresses
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And alice subscribes to bob
    And 5 seconds pass
    Then alice is in the channel
    And SD-RTN heard alice's join, messages and media from relay addresses only

  @CP-FLOW-04
  Scenario: Nor does leaving go another way
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
    When alice leaves
    Then alice sent no packet to SD-RTN

  @CP-FLOW-04
  Scenario Outline: Nor does <kind> that alice publishes alone
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes <kind> alone
    And 5 seconds pass
    Then publishing succeeded
    And alice sent packets to edges and relays only

    Examples:
      | kind  |
      | audio |
      | video |

  @CP-FLOW-05
  Scenario: All of SD-RTN's data returns through relays
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice subscribes to bob
    And bob sends "good evening"
    And 5 seconds pass
    Then alice received "good evening" from bob
    And alice receives bob's audio and video
    And every packet that came to alice came from an edge or a relay

  @CP-FLOW-05 @CP-FLOW-06
  Scenario: So does what a second user sends, and it is told from what the first does
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    And bob publishes
    And carol is in "town-hall" outside any firewall
    And carol publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And alice subscribes to carol
    And bob sends "good evening"
    And carol sends "good night"
    And 2 seconds pass
    Then alice receives bob's audio and video
    And alice receives carol's audio and video
    And alice received "good evening" from bob
    And alice received "good night" from carol
    And every packet that came to alice came from an edge or a relay

  @CP-FLOW-06
  Scenario: What is sent in a second call, in another channel, arrives there and once
    Given bob is in "town-hall" outside any firewall
    And carol is in "stand-up" outside any firewall
    And carol publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice leaves
    And alice joins "stand-up"
    And alice publishes
    And alice subscribes to carol
    And carol subscribes to alice
    And alice sends "good morning"
    And carol sends "good evening"
    And 2 seconds pass
    Then carol received "good morning" from alice
    And alice received "good evening" from carol
    And alice receives carol's audio and video
    And carol receives alice's audio and video

  @CP-FLOW-06
  Scenario: What is sent in a channel whose name has capitals, spaces and signs arrives there
    Given bob is in "Town Hall #2 & more" outside any firewall
    When alice starts the cloud proxy and joins "Town Hall #2 & more"
    And alice sends "good morning"
    And bob sends "good evening"
    And 2 seconds pass
    Then bob received "good morning" from alice
    And alice received "good evening" from bob

  @CP-FLOW-06
  Scenario: Messages arrive as they were sent, both ways
    Given bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice sends "good morning"
    And alice sends "Grüße aus dem Büro, 你好 👋"
    And alice sends "good morning"
    And bob sends "good evening"
    And bob sends "good evening"
    And bob sends "你好, ça va? 👋"
    And 2 seconds pass
    Then SD-RTN got exactly the messages that alice sent, in order
    And bob received exactly the messages that alice sent, in order
    And alice received exactly the messages that bob sent, in order

  @CP-FLOW-06
  Scenario: Of a thousand messages none is lost, doubled or out of order
    Given bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends 1001 messages
    And bob sends 1001 messages
    And 2 seconds pass
    Then SD-RTN got exactly the messages that alice sent, in order
    And bob received exactly the messages that alice sent, in order
    And alice received exactly the messages that bob sent, in order

  @CP-FLOW-06
  Scenario: Nor of a hundred that are sent at once
    Given bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends 100 messages without waiting
    And bob sends 100 messages without waiting
    And 2 seconds pass
    Then SD-RTN got exactly the messages that alice sent, in order
    And bob received exactly the messages that alice sent, in order
    And alice received exactly the messages that bob sent, in order

  @CP-FLOW-06
  Scenario: Media arrives as it was sent, both ways
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And bob subscribes to alice
    And 2 seconds pass
    Then in 10 seconds SD-RTN gets every packet of alice's audio and video
    And in 10 seconds alice counts every packet and frame of bob's audio and video that SD-RTN sends her

  @CP-FLOW-07
  Scenario: No connectivity check leaves for anywhere but a relay
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And the watch time passes
    Then alice is in the channel
    And alice sent packets to edges and relays only

  @CP-FLOW-08
  Scenario: Messages and media both use the cloud proxy
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And alice subscribes to bob
    And 5 seconds pass
    Then the relays passed messages and media of alice's on, both ways

  @CP-FLOW-14
  Scenario: Without the cloud proxy all data goes direct
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And alice subscribes to bob
    And 5 seconds pass
    Then alice is in the channel
    And SD-RTN heard alice's join, messages and media from her own address only
    And alice sent no packet to an edge or a relay
