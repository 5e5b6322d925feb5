Feature: Who may ask: RFC 8489, section 9.2.4
  A raw client, without any SDK, speaks to a relay as the long-term credential mechanism has it, and as it must
  not. Each scenario runs the rows of one requirement and names every row that did not pass.

  @CP-RLY-01
  Scenario Outline: A request without MESSAGE-INTEGRITY gets 401, a REALM and a NONCE, over <transport>
    When a raw TURN client runs the rows of CP-RLY-01 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-02
  Scenario Outline: A wrong key or an unknown user gets 401, over <transport>
    When a raw TURN client runs the rows of CP-RLY-02 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-03
  Scenario Outline: MESSAGE-INTEGRITY without USERNAME, REALM or NONCE gets 400, over <transport>
    When a raw TURN client runs the rows of CP-RLY-03 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-04
  Scenario Outline: A stale or forged nonce gets 438 and a new one, over <transport>
    When a raw TURN client runs the rows of CP-RLY-04 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-05
  Scenario Outline: Answers to authenticated requests carry a valid MESSAGE-INTEGRITY, over <transport>
    When a raw TURN client runs the rows of CP-RLY-05 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-06
  Scenario Outline: What stands behind MESSAGE-INTEGRITY is ignored, over <transport>
    When a raw TURN client runs the rows of CP-RLY-06 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-07
  Scenario Outline: What isn't a sound STUN message is met with silence, over <transport>
    When a raw TURN client runs the rows of CP-RLY-07 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |

  @CP-RLY-08
  Scenario Outline: An unknown required attribute gets 420, an unknown optional one is ignored, over <transport>
    When a raw TURN client runs the rows of CP-RLY-08 against relay-1 over <transport>
    Then every row passed

    Examples:
      | transport |
      | UDP       |
      | TCP       |
