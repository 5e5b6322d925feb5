Feature: Steps 1 and 2: the lookup
  Before anything else, an SDK with the cloud proxy on asks a lookup edge for the way, and takes it from the
  answer. In most of these scenarios the office's firewall lets everything out, so that whatever goes
  another way is seen to arrive there.

  @CP-FLOW-01
  Scenario: Before the answer only lookup edges and name servers are contacted
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
    And until the lookup was answered alice sent packets to lookup edges only

  @CP-FLOW-02
  Scenario: The answer's relay and credential are usable
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    Then alice is in the channel
    And publishing succeeded
    And the lookup's answer opened a message connection and a media allocation

  @CP-FLOW-03
  Scenario: SD-RTN hears nothing before the answer
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
    And until the lookup was answered SD-RTN heard nothing of alice

  @CP-FLOW-09
  Scenario: A refused lookup fails the join
    Given the cloud proxy has no account for alice's App ID
    And the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And alice sent packets to lookup edges only

  @CP-FLOW-09
  Scenario: So does one that is refused because as many users are in as the account is for
    Given the account is for 1 user at once
    And the office firewall lets everything out
    And bob starts the cloud proxy and joins "town-hall"
    When alice starts the cloud proxy and joins "town-hall"
    Then bob is in the channel
    And joining failed within its limit
    And SD-RTN hears nothing of alice
    And alice sent packets to lookup edges only

  @CP-FLOW-09
  Scenario: A silent lookup fails the join
    Given the lookup edges take requests and never answer
    And the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And alice sent packets to lookup edges only

  @CP-FLOW-09
  Scenario Outline: Where no lookup edge can be reached (each <fails>) the join fails
    Given the office firewall lets everything out
    And edge-1 <fails>
    And edge-2 <fails>
    And edge-3 <fails>
    And edge-4 <fails>
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And alice sent packets to lookup edges only

    Examples:
      | fails                |
      | stops                |
      | goes off the network |

  @CP-FLOW-10
  Scenario Outline: <what> as the lookup's answer fails the join
    Given the lookup edges answer with status <status> and the body:
      """
      <body>
      """
    And the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And alice sent packets to lookup edges only

    Examples:
      | what              | status | body                                                                |
      | Nothing           | 200    |                                                                     |
      | No JSON           | 200    | <!DOCTYPE html><title>Welcome to the hotel</title>                  |
      | Half an object    | 200    | {"session":"s-1","relays":[{"address":"23.236                       |
      | An empty object   | 200    | {}                                                                  |
      | No relay          | 200    | {"session":"s-1","relays":[],"messageUrls":[],"iceServers":[]}      |
      | A way for media   | 200    | {"session":"s-1","relays":[],"messageUrls":[],"iceServers":[{"urls":["turn:23.236.115.138:3478?transport=udp"],"username":"u","credential":"c"}]} |
      | A list            | 200    | []                                                                  |
      | A server's error  | 500    | {"error":{"code":"internal-error","message":"try again tomorrow"}} |
      | A busy server     | 503    | <!DOCTYPE html><title>Service Unavailable</title>                   |
      | Too many requests | 429    | <!DOCTYPE html><title>Too Many Requests</title>                     |
      | Another service   | 404    | <!DOCTYPE html><title>Not Found</title>                             |

  @CP-FLOW-10
  Scenario: An answer without a way for media leaves media none
    Given the lookup edges answer without a way for media
    And the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    Then publishing failed within its limit
    And SD-RTN got no media from alice
    And alice sent packets to edges and relays only

  @CP-FLOW-11
  Scenario: Lookups are retried within the limit, and not at all once the join has failed
    Given the lookup edges take requests and never answer
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And the join made no more lookups than the limit
    And no lookup follows

  @CP-FLOW-12
  Scenario: Every join looks up afresh
    When alice starts the cloud proxy and joins "town-hall"
    And alice leaves
    And alice joins "town-hall"
    Then alice is in the channel
    And each of the 2 joins had a lookup of its own answered

  @CP-FLOW-13
  Scenario: Starting the cloud proxy sends nothing by itself
    Given the office firewall lets everything out
    When alice starts the cloud proxy
    And the watch time passes
    Then alice sent no packet

  @CP-FLOW-15
  Scenario: Lookup edges get lookups and no data
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And alice sends "good morning"
    And 5 seconds pass
    Then alice is in the channel
    And the lookup edges got nothing from alice but lookups on TCP port 443
