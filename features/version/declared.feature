Feature: The version that an SDK declares
  The four methods came one after the other: setProxyServer and setTurnServer with SDK 2.3.0, the cloud proxy with
  2.5.1. What an SDK, by the version that it declares, can't have yet is not held against it; but nothing passes for
  that. A scenario that needs it is reported as not supported, with the reason.

  @CP-VER-07
  Scenario Outline: To SDK <version> a scenario with <method> is <fate>
    Given alice's SDK declares version "<version>"
    Then a scenario that calls <method> is <fate>

    Examples: Before 2.3.0 there are calls without a proxy
      | version | method           | fate          |
      | 2.2.9   | join             | run           |
      | 2.2.9   | setProxyServer   | not supported |
      | 2.2.9   | setTurnServer    | not supported |
      | 2.2.9   | startProxyServer | not supported |

    Examples: From 2.3.0 there are the set methods
      | version | method           | fate          |
      | 2.3.0   | setProxyServer   | run           |
      | 2.4.0   | setTurnServer    | run           |
      | 2.4.0   | startProxyServer | not supported |
      | 2.4.0   | stopProxyServer  | not supported |
      | 2.5.0   | startProxyServer | not supported |

    Examples: From 2.5.1 on there is everything
      | version | method           | fate |
      | 2.5.1   | startProxyServer | run  |
      | v2.5.1  | stopProxyServer  | run  |
      | 2.10.0  | startProxyServer | run  |
      | 3.0.0   | setProxyServer   | run  |
