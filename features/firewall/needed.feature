Feature: What the firewall's rows are needed for
  A call gets through any nine rows of the ten. Where all rows of one purpose are missing it fails by name, and
  nothing goes another way.

  @CP-FW-22
  Scenario: Without any row the join fails
    Given the office firewall has no rows
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice

  @CP-FW-23
  Scenario Outline: Without row <row> the call still succeeds
    Given the office firewall allows the whitelist without row <row>
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And 5 seconds pass
    Then alice is in the channel
    And publishing succeeded
    And bob received "good morning" from alice
    And the report lists row <row> as missing

    Examples:
      | row |
      | T1  |
      | T2  |
      | T3  |
      | T4  |
      | T5  |
      | T6  |
      | T7  |
      | T8  |
      | T9  |
      | T10 |

  @CP-FW-23
  Scenario: With every edge closed the join fails by name and nothing goes direct
    Given the office firewall allows the whitelist without rows T4, T5, T6 and T7
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And the report lists rows T4, T5, T6 and T7 as missing

  @CP-FW-23
  Scenario: With every message port closed the join fails by name and nothing goes direct
    Given the office firewall allows the whitelist without TCP ports "443, 4000"
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And the report lists rows T1, T2, T3, T4, T5, T6 and T7 as missing

  @CP-FW-23
  Scenario: With every media port closed publishing fails by name and nothing goes direct
    Given the office firewall allows the whitelist without TCP ports "3433-3460"
    And the office firewall allows the whitelist without rows T8, T9 and T10
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    Then alice is in the channel
    And publishing failed within its limit
    And SD-RTN got no media from alice
    And the report lists rows T1, T2, T3, T8, T9 and T10 as missing

  @CP-FW-25
  Scenario: Messages and media use the ports that their rows are for
    Given bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    And 5 seconds pass
    Then the relays carried alice's messages on TCP ports 443 or 4000 and her media on TCP 3433-3460 or UDP 3478-3500
