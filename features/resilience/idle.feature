Feature: Long and quiet calls
  Firewalls forget what is quiet, and relays what isn't refreshed. In these scenarios bob is muted for a while, so
  that nothing but the SDK's own care keeps alice's way open; then he speaks again.

  @CP-RES-02
  Scenario: A quiet call outlives a firewall that forgets UDP after 30 seconds
    Given the office firewall forgets UDP flows that are idle for 30 seconds
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice subscribes to bob
    And bob mutes
    And 100 seconds pass
    And bob unmutes
    Then alice receives bob's audio and video
    And alice's call has held

  @CP-RES-03
  Scenario: In a quiet call of 25 minutes allocation and permission are refreshed
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice subscribes to bob
    And bob mutes
    And 25 minutes pass
    And bob unmutes
    Then alice receives bob's audio and video
    And alice's media has gone through one allocation for 25 minutes
    And alice sent packets to edges and relays only

  @CP-RES-04
  Scenario: When the relay's nonce gets stale, an hour after it was given, the SDK takes the new one
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice subscribes to bob
    And bob mutes
    And 75 minutes pass
    And bob unmutes
    Then alice receives bob's audio and video
    And alice's media has gone through one allocation for 75 minutes

  @CP-RES-05
  Scenario: When a NAT gives it another address, the SDK makes another allocation
    Given the office is behind a NAT
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice subscribes to bob
    And 2 seconds pass
    And the office's NAT begins anew, with other ports
    Then alice's SDK makes another allocation
    And alice receives bob's audio and video
    When alice leaves
    Then alice sent packets to edges and relays only

  @CP-RES-09
  Scenario Outline: A message connection that a middlebox cuts after a minute (it <treats> what follows) is built anew
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And 60 seconds pass
    And the office firewall forgets all flows, and <treats> what belongs to none
    Then alice's messages go on through the cloud proxy
    And alice sent packets to edges and relays only
    When bob sends "welcome back"
    And 2 seconds pass
    Then alice received "welcome back" from bob

    Examples:
      | treats |
      | resets |
      | drops  |
