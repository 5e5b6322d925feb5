Feature: Calls through the cloud proxy
  What the document promises of a call with the cloud proxy on: audio and video work, in both directions, with
  proxied and direct users, in every mode and codec that the SDK has.

  @CP-SEQ-07
  Scenario: A proxied and a direct user exchange media
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And bob subscribes to alice
    Then the last join was proxied
    And alice receives bob's audio and video
    And bob receives alice's audio and video

  @CP-SEQ-07
  Scenario: Two proxied users exchange media
    Given bob starts the cloud proxy and joins "town-hall"
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And bob subscribes to alice
    Then the last join was proxied
    And alice receives bob's audio and video
    And bob receives alice's audio and video

  @CP-SEQ-09
  Scenario: Audio and video both work, in both directions
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And bob subscribes to alice
    Then publishing succeeded
    And alice's media went through the cloud proxy
    And the relays passed messages and media of alice's on, both ways
    And alice receives bob's audio and video
    And bob receives alice's audio and video

  @CP-SEQ-10
  Scenario Outline: Mode <mode> with codec <codec> makes a proxied call
    Given bob creates a client in mode "<mode>" with codec "<codec>"
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice creates a client in mode "<mode>" with codec "<codec>"
    And alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And bob subscribes to alice
    Then the last join was proxied
    And alice's media went through the cloud proxy
    And alice sent packets to edges and relays only
    And SD-RTN got alice's video in codec "<codec>"
    And alice receives bob's audio and video
    And bob receives alice's audio and video

    Examples:
      | mode | codec |
      | live | vp8   |
      | live | h264  |
      | rtc  | vp8   |
      | rtc  | h264  |
