Feature: Every sequence of calls goes by the decision table
  The rules of the four methods, in one table: what each does in each state of the channel and of the settings.
  All 9,330 sequences of one to five calls are tried, once waiting for each call to finish and once not, each
  with a client of its own, and what each call returns is held against the table. A setting that was changed
  in silence shows in a later call of some sequence. Only cells that the document decides can fail; the others
  are listed. After a leave() that was made while still connecting nothing is judged.

  Background:
    Given the office firewall lets everything out

  @CP-API-30 @exhaustive
  Scenario Outline: All that begin with <first>, <how>
    When alice tries the sequence <first>, <how>
    And alice tries every sequence of up to five calls that begins with <first>, startProxyServer, <how>
    And alice tries every sequence of up to five calls that begins with <first>, stopProxyServer, <how>
    And alice tries every sequence of up to five calls that begins with <first>, setProxyServer, <how>
    And alice tries every sequence of up to five calls that begins with <first>, setTurnServer, <how>
    And alice tries every sequence of up to five calls that begins with <first>, join, <how>
    And alice tries every sequence of up to five calls that begins with <first>, leave, <how>
    Then all 1555 sequences went by the decision table

    Examples: Each call waits for the one before
      | first            | how                             |
      | startProxyServer | waiting for each call to finish |
      | stopProxyServer  | waiting for each call to finish |
      | setProxyServer   | waiting for each call to finish |
      | setTurnServer    | waiting for each call to finish |
      | join             | waiting for each call to finish |
      | leave            | waiting for each call to finish |

    Examples: All calls at once
      | first            | how             |
      | startProxyServer | without waiting |
      | stopProxyServer  | without waiting |
      | setProxyServer   | without waiting |
      | setTurnServer    | without waiting |
      | join             | without waiting |
      | leave            | without waiting |

  @CP-API-30 @short
  Scenario Outline: The short form: all of up to three calls, <how>
    When alice tries every sequence of up to three calls, <how>
    Then all 258 sequences went by the decision table

    Examples:
      | how                             |
      | waiting for each call to finish |
      | without waiting                 |
