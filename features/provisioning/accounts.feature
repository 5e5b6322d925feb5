Feature: Accounts of the cloud proxy
  Before an App ID may use the cloud proxy, support records it with its regions, the number of concurrent
  users and their network operators. What isn't recorded is refused at the lookup, by name. These scenarios
  judge the cloud proxy: lookups come from the suite itself, and calls from users with the reference SDK.

  @CP-PROV-01
  Scenario: An App ID without an account is refused at the lookup
    Given the cloud proxy has no account for alice's App ID
    When alice's computer sends a lookup
    Then the lookup was refused as "app-not-provisioned"
    And SD-RTN hears nothing of alice

  @CP-PROV-01
  Scenario Outline: Nor is an App ID served that is another's <what>
    When alice's computer sends a lookup with appId "<app>"
    Then the lookup was refused as "app-not-provisioned"

    Examples:
      | what                 | app                 |
      | in capitals          | APP-PROXYSPEC-0001  |
      | and a character more | app-proxyspec-00010 |
      | but for a character  | app-proxyspec-000   |

  @CP-PROV-02
  Scenario: An App ID without an account joins without the proxy
    Given the cloud proxy has no account for alice's App ID
    When bob joins "town-hall"
    Then SD-RTN let bob in

  @CP-PROV-03
  Scenario Outline: A lookup for <what> is answered
    Given the account is for the regions NA, EU
    When alice's computer sends a lookup with region "<region>"
    Then the lookup was answered

    Examples:
      | what                 | region |
      | the account's first  | NA     |
      | another of its own   | EU     |
      | none, which is first |        |

  @CP-PROV-03
  Scenario Outline: A lookup for <what> is refused
    Given the account is for the regions NA, EU
    When alice's computer sends a lookup with region "<region>"
    Then the lookup was refused as "region-not-provisioned"

    Examples:
      | what                     | region |
      | a region of others       | AS     |
      | a region spelt otherwise | eu     |
      | both regions at once     | NA, EU |

  @CP-PROV-04
  Scenario: With as many users as the account is for, one more is refused
    Given the account is for 2 users at once
    When bob starts the cloud proxy and joins "town-hall"
    And carol starts the cloud proxy and joins "town-hall"
    And alice's computer sends a lookup
    Then bob is in the channel
    And carol is in the channel
    And the lookup was refused as "scale-exceeded"

  @CP-PROV-04
  Scenario: With one user fewer than the account is for, one more is let in
    Given the account is for 2 users at once
    When bob starts the cloud proxy and joins "town-hall"
    And alice's computer sends a lookup
    Then bob is in the channel
    And the lookup was answered

  @CP-PROV-04
  Scenario: A user who is in already counts once
    Given the account is for 1 user at once
    When bob starts the cloud proxy and joins "town-hall"
    And alice's computer sends a lookup with uid "bob"
    Then bob is in the channel
    And the lookup was answered

  @CP-PROV-04
  Scenario: A user who leaves frees a place
    Given the account is for 2 users at once
    When bob starts the cloud proxy and joins "town-hall"
    And carol starts the cloud proxy and joins "town-hall"
    And carol leaves
    And alice's computer sends a lookup
    Then bob is in the channel
    And the lookup was answered

  @CP-PROV-04
  Scenario: A user who vanishes frees a place
    Given the account is for 2 users at once
    When bob starts the cloud proxy and joins "town-hall"
    And carol starts the cloud proxy and joins "town-hall"
    And carol's computer goes off the network
    And 2 minutes pass
    And alice's computer sends a lookup
    Then bob is in the channel
    And the lookup was answered

  @CP-PROV-04
  Scenario: Lookups take no place, and of two users at once one gets the last
    Given the account is for 1 user at once
    When alice's computer sends a lookup with uid "dave"
    And alice's computer sends a lookup with uid "erin"
    And alice's computer opens a message connection with each answer
    Then 1 of the message connections opened and the others were refused as "scale-exceeded"

  @CP-PROV-05
  Scenario: A refusal leaves the others' calls as they are
    Given the account is for 2 users at once
    And bob starts the cloud proxy and joins "town-hall"
    And carol starts the cloud proxy and joins "town-hall"
    And bob publishes
    And carol subscribes to bob
    When alice's computer sends a lookup
    And carol sends "did you hear anything?"
    And bob sends "no, nothing"
    Then the lookup was refused as "scale-exceeded"
    And carol receives bob's audio and video
    And bob received exactly the messages that carol sent, in order
    And carol received exactly the messages that bob sent, in order
    And the cloud proxy has closed no message connection and no allocation

  @CP-PROV-06
  Scenario: A complete record is taken
    When support records an account with App ID, regions, scale and operators
    Then the record is taken

  @CP-PROV-06
  Scenario Outline: A record without its <part> is refused
    When support records an account without its <part>
    Then the record is refused, and <name> is named

    Examples:
      | part      | name     |
      | App ID    | App ID   |
      | regions   | region   |
      | scale     | scale    |
      | operators | operator |
