Feature: A list by domain name
  For production a vendor may give names instead of addresses. A firewall that takes them hears what the name
  service answers, and an address is open for as long as an answer says so: a minute here.

  Background:
    Given the cloud proxy is at its production names
    And the office firewall follows this list:
      """
      id: by-name
      vendor: Example vendor
      source: the vendor's letter
      as-of: 2025-12-01
      stage: production
      entries:
        - id: edge
          protocols: TCP
          destinations: [edge-1.cloud-proxy.test, edge-2.cloud-proxy.test]
          ports: 443
          purpose: edge
        - id: relay
          protocols: TCP
          destinations: "*.media.cloud-proxy.test"
          ports: ["443, 4000", 3433-3460]
          purpose: [messages, media]
        - id: media
          protocols: UDP
          destinations: "*.media.cloud-proxy.test"
          ports: 3478-3500
          purpose: media
      """

  @CP-LIST-02
  Scenario: A call gets through by names alone
    Given bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And 5 seconds pass
    Then alice is in the channel
    And publishing succeeded
    And bob received "good morning" from alice
    And SD-RTN heard alice's join, messages and media from relay addresses only

  @CP-LIST-09
  Scenario Outline: What a name means is open once it was looked up: <protocol> <name>
    When alice's computer looks up "<name>"
    And alice's computer tries <protocol> <address> on ports "<ports>"
    Then the firewall let all <count> through by row <row>
    When alice's computer tries <protocol> <address> on ports "<closed>"
    Then the firewall dropped all 2 by its default rule

    Examples:
      | protocol | name                           | address       | ports                | count | row   | closed     |
      | TCP      | edge-1.cloud-proxy.test        | 192.0.2.17    | 443                  | 1     | edge  | 442, 4000  |
      | TCP      | relay-1.media.cloud-proxy.test | 192.0.2.138   | 443, 4000, 3433-3460 | 30    | relay | 3432, 3461 |
      | UDP      | relay-1.media.cloud-proxy.test | 192.0.2.138   | 3478-3500            | 23    | media | 3477, 3501 |

  @CP-LIST-09
  Scenario: A name that nobody looked up opens nothing
    When alice's computer tries TCP 192.0.2.17 on ports "443"
    Then the firewall dropped all 1 by its default rule
    And the report explains that nobody has looked up "edge-1.cloud-proxy.test"

  @CP-LIST-09
  Scenario: What bob looked up outside opens nothing in the office
    When bob's computer looks up "edge-1.cloud-proxy.test"
    And alice's computer tries TCP 192.0.2.17 on ports "443"
    Then the firewall dropped all 1 by its default rule

  @CP-LIST-09
  Scenario: An answer counts for its time to live
    When alice's computer looks up "edge-1.cloud-proxy.test"
    And 50 seconds pass
    And alice's computer tries TCP 192.0.2.17 on ports "443"
    Then the firewall let all 1 through by row edge

  @CP-LIST-09
  Scenario: An answer that is out of date opens nothing, and the report says so
    When alice's computer looks up "edge-1.cloud-proxy.test"
    And 61 seconds pass
    And alice's computer tries TCP 192.0.2.17 on ports "443"
    Then the firewall dropped all 1 by its default rule
    And the report explains that the answer for "edge-1.cloud-proxy.test" is out of date
    When alice's computer looks up "edge-1.cloud-proxy.test"
    And alice's computer tries TCP 192.0.2.17 on ports "443"
    Then the firewall let all 1 through by row edge

  @CP-LIST-09
  Scenario: A relay that moves is open at its new address, and no longer at the old one
    When alice's computer looks up "relay-1.media.cloud-proxy.test"
    And "relay-1.media.cloud-proxy.test" moves to production-relay-3
    And alice's computer tries TCP 203.0.113.25 on ports "443"
    Then the firewall dropped all 1 by its default rule
    When 61 seconds pass
    And alice's computer looks up "relay-1.media.cloud-proxy.test"
    And alice's computer tries TCP 203.0.113.25 on ports "443"
    Then the firewall let all 1 through by row relay
    When alice's computer tries TCP 192.0.2.138 on ports "443"
    Then the firewall dropped all 1 by its default rule
    And the report explains that the answer for "relay-1.media.cloud-proxy.test" is out of date

  @CP-LIST-09
  Scenario: Calls go on after all relays have moved, with the same list and client code
    When alice starts the cloud proxy and joins "town-hall"
    Then alice is in the channel
    When alice leaves
    And "relay-1.media.cloud-proxy.test" moves to production-relay-3
    And "relay-2.media.cloud-proxy.test" moves to production-relay-3
    And 61 seconds pass
    And alice joins "town-hall"
    And alice publishes
    Then alice is in the channel
    And publishing succeeded
    And the firewall let alice through to production-relay-3 by row relay

  @CP-LIST-09
  Scenario: With a list by address the same move ends in a failure by name
    Given the office firewall allows the production list
    And "relay-1.media.cloud-proxy.test" moves to production-relay-3
    And "relay-2.media.cloud-proxy.test" moves to production-relay-3
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And the report names production-relay-3 as what the firewall stopped
