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
    And the first join succeeded and went through the cloud proxy
    And the last join was direct

  @CP-SEQ-03
  Scenario: Then leave, start and join is proxied again
    When alice creates a client, starts the cloud proxy, inits and joins "town-hall"
    And alice calls leave, stopProxyServer and join "town-hall" without waiting
    And alice leaves
    And alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
    And the last join was proxied

  @CP-SEQ-08
  Scenario: Calls stay proxied until stopProxyServer
    When alice calls startProxyServer and join "town-hall"
    And alice publishes
    And alice calls leave and join "town-hall"
    And alice publishes
    And alice calls leave and join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then every join succeeded and went through the cloud proxy
    And SD-RTN heard alice's join, messages and media from relay addresses only

  @CP-SEQ-08
  Scenario: And no longer
    When alice calls startProxyServer, join "town-hall", leave, join "town-hall", leave, stopProxyServer and join "town-hall"
    Then alice is in the channel
    And the last join was direct

  @CP-SEQ-11
  Scenario Outline: stopProxyServer is all that disabling takes, <when>
    When alice calls startProxyServer and join "town-hall"
    And alice calls <leave and stop>
    And alice calls join "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then the first join succeeded and went through the cloud proxy
    And the last join succeeded and went direct
    And alice's messages went direct
    And alice's media went direct
    And the cloud proxy heard nothing of alice since her last join

    Examples:
      | when                     | leave and stop                            |
      | once leave has finished  | leave and stopProxyServer                 |
      | while leave is under way | leave and stopProxyServer without waiting |

  @CP-SEQ-02 @CP-SEQ-03
  Scenario: The fourth time is as the first
    When alice 4 times starts the cloud proxy, joins, publishes and leaves, and stops it, joins and leaves
    Then the last join succeeded and went direct

  @CP-SEQ-04
  Scenario: Ten cycles leave nothing behind
    When alice 10 times starts the cloud proxy, joins, publishes and leaves, and stops it, joins and leaves
    And the watch time passes
    Then nothing of alice's calls is left at the cloud proxy
