Feature: Leaving
  When leave has finished, the call is over: nothing of it is sent any more but what tears it down.

  @CP-SEQ-06
  Scenario Outline: After leave has finished, a <kind> call sends no message and no media
    Given the office firewall lets everything out
    And bob is in "town-hall" outside any firewall
    And bob publishes
    When alice <joins>
    And alice publishes
    And alice subscribes to bob
    And alice sends "good morning"
    And 1 second passes
    And alice sends "goodbye"
    And alice leaves
    Then after leaving alice sent neither messages nor media
    And when the call was torn down alice sent nothing more

    Examples:
      | kind    | joins                                        |
      | proxied | starts the cloud proxy and joins "town-hall" |
      | direct  | joins "town-hall"                            |

  @CP-SEQ-06
  Scenario: Nor does a call that alice leaves while her SDK reconnects
    Given the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    And the office firewall starts again and lets nothing new out
    And alice sends "anybody there?"
    And alice's SDK reconnects
    And alice leaves
    And the office firewall lets everything out
    Then after leaving alice sent neither messages nor media
    And when the call was torn down alice sent nothing more
