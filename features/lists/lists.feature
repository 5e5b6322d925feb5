Feature: From the test list to production
  The document's addresses are for testing only. For production a vendor gives others, and the firewall must
  follow before the cloud proxy does.

  @CP-LIST-01
  Scenario: The test list fails lint under a production profile
    When the shipped list "cloud-proxy-test" is linted for production
    Then lint finds test-list, an error

  @CP-LIST-01
  Scenario: Under the test profile it passes
    When the shipped list "cloud-proxy-test" is linted for test
    Then lint finds no error

  @CP-LIST-02
  Scenario Outline: A production list may name <what>
    When this list is linted for production:
      """
      id: ours
      vendor: Example vendor
      source: the vendor's letter
      as-of: 2025-12-01
      stage: production
      entries:
        - id: relay
          protocols: TCP
          destinations: <destinations>
          ports: ["443, 4000", 3433-3460]
          purpose: [messages, media]
      """
    Then lint finds no error

    Examples:
      | what      | destinations                        |
      | addresses | ["8.8.8.8", "9.9.9.9"]              |
      | networks  | "9.9.9.0/24"                        |
      | ranges    | "9.9.9.1-9.9.9.20"                  |
      | domains   | [relay-1.example.net, "*.example.org"] |

  @CP-LIST-03
  Scenario: A switch to production addresses without an update of the firewall fails by name
    Given the cloud proxy is at its production addresses
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And the report names a production address that the firewall stopped

  @CP-LIST-04
  Scenario: Once the firewall is updated, unchanged client code works
    Given the cloud proxy is at its production addresses
    And the office firewall allows the production list
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And 5 seconds pass
    Then alice is in the channel
    And publishing succeeded
    And SD-RTN heard alice's join, messages and media from relay addresses only

  @CP-LIST-05
  Scenario: With both lists open, calls work before the switch
    Given the office firewall allows the production list, and the whitelist as before
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    Then alice is in the channel
    And publishing succeeded

  @CP-LIST-05
  Scenario: With both lists open, calls work after the switch
    Given the office firewall allows the production list, and the whitelist as before
    And the cloud proxy is at its production addresses
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    Then alice is in the channel
    And publishing succeeded

  @CP-LIST-06
  Scenario: The document's cell of ports means thirty ports
    When a table's cell with the lines "443, 4000" and "3433 - 3460" is read
    Then it means 30 ports, among them "443, 4000, 3433, 3446, 3460"

  @CP-LIST-07
  Scenario Outline: <what> fails lint
    When this list is linted for test:
      """
      id: ours
      vendor: Example vendor
      source: the vendor's letter
      as-of: 2025-12-01
      stage: test
      entries:
        - id: first
          protocols: TCP
          destinations: 192.0.2.138
          ports: <ports>
          purpose: media
        - id: <second>
          protocols: TCP
          destinations: <address>
          ports: 3433-3460
          purpose: media
      """
    Then lint finds <code>, an error

    Examples:
      | what                   | ports                  | second | address     | code               |
      | A reversed range       | 3460-3433              | other  | 192.0.2.139 | reversed-range     |
      | Overlapping ranges     | [3433-3460, 3450-3470] | other  | 192.0.2.139 | overlapping-ranges |
      | A row that stands twice | 3433-3460             | other  | 192.0.2.138 | duplicate-row      |
      | An ID that stands twice | 443                   | first  | 192.0.2.139 | repeated-id        |

  @CP-LIST-07
  Scenario: The same rows without a mistake pass
    When this list is linted for test:
      """
      id: ours
      vendor: Example vendor
      source: the vendor's letter
      as-of: 2025-12-01
      stage: test
      entries:
        - id: first
          protocols: TCP
          destinations: 192.0.2.138
          ports: ["443", 3433-3460]
          purpose: media
        - id: other
          protocols: TCP
          destinations: 192.0.2.139
          ports: 3433-3460
          purpose: media
      """
    Then lint finds no error
    And lint finds nothing called old

  @CP-LIST-08
  Scenario: A list that is older than a year warns
    When this list is linted for test:
      """
      id: ours
      vendor: Example vendor
      source: the vendor's letter
      as-of: 2024-06-30
      stage: test
      entries:
        - id: edge
          protocols: TCP
          destinations: 192.0.2.17
          ports: 443
          purpose: edge
      """
    Then lint finds old, a warning

  @CP-VER-08
  Scenario Outline: The document's list is for SDKs before 3.4.0: <version>
    When the shipped list "cloud-proxy-test" is linted for SDK <version>
    Then lint finds <what>

    Examples:
      | version | what                       |
      | 3.4.0   | sdk-version, a warning     |
      | 4.20.1  | sdk-version, a warning     |
      | 2.5.1   | nothing called sdk-version |
      | 3.3.9   | nothing called sdk-version |
