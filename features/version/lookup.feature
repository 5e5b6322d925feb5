Feature: Versions at the lookup
  The cloud proxy is for SDK version 2.5.1 and later, and decides it at the lookup. Versions compare number by
  number: 2.10.0, which was never published, comes after 2.5.1 though its text comes before.

  Scenario Outline: Version <version> is served
    When alice's computer sends a lookup with sdkVersion "<version>"
    Then the lookup was answered

    @CP-VER-01
    Examples: The first version, in both spellings
      | version |
      | 2.5.1   |
      | v2.5.1  |

    @CP-VER-03
    Examples: Later versions
      | version |
      | 2.5.2   |
      | 2.5.10  |
      | 2.6.0   |
      | 2.10.0  |
      | 3.0.0   |
      | 10.0.0  |

    @CP-VER-04
    Examples: A build of the first version
      | version |
      | 2.5.1+b |

    @CP-VER-05
    Examples: Four numbers
      | version   |
      | 3.0.0.300 |

  Scenario Outline: Version <version> is refused as too old
    When alice's computer sends a lookup with sdkVersion "<version>"
    Then the lookup was refused as "version-unsupported"

    @CP-VER-02
    Examples: Earlier versions
      | version |
      | 2.5.0   |
      | v2.5.0  |
      | 2.4.9   |
      | 2.4.10  |
      | 1.9.9   |

    @CP-VER-04
    Examples: What came before the first version
      | version    |
      | 2.5.1-rc.1 |

  @CP-VER-06
  Scenario Outline: A version that is <what> is refused as malformed
    When alice's computer sends a lookup with sdkVersion "<version>"
    Then the lookup was refused as "version-malformed"

    Examples:
      | what               | version |
      | empty              |         |
      | too short          | 2.5     |
      | partly a letter    | 2.5.x   |
      | a word             | latest  |
      | followed by others | 2.5.1 ; |
