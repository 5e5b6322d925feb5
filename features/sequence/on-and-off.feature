Feature: Turning the cloud proxy on and off
  The order of the document's two samples: what was set before a join decides which way the join goes,
  and nothing but the four methods changes it.

  Background:
    Given the office firewall lets everything out

  @CP-SEQ-01
  Scenario: Create, start, init and join is proxied
    When alice creates a client, starts the cloud proxy, inits and joins "town-hall"
    Then alice is in the channel
    And the last join was proxied

  @CP-SEQ-02
  Scenario: Then leave, stop and join is direct
    When alice creates a client, starts the cloud proxy, inits and joins "town-hall"
    And alice calls leave, stopProxyServer and join "town-hall" without waiting
    Then alice is in the channel
    And the last join was direct

  @CP-SEQ-03
  Scenario: Then leave, start and join is proxied again
    When alice creates a client, starts the cloud proxy, inits and joins "town-hall"
    And alice calls leave, stopProxyServer and join "town-hall" without waiting
    And alice leaves
    And alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
    And the last join was proxied

  @CP-SEQ-07
  Scenario: A proxied and a direct user exchange media
    Given bob is in "town-hall" outside any firewall
    And bob publishes
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And alice subscribes to bob
    And bob subscribes to alice
    And 5 seconds pass
    Then the last join was proxied
    And alice receives bob's audio and video
    And bob receives alice's audio and video
