Feature: Offices that make it hard
  TLS that is read along, names that nobody resolves, rows that are missing, a way that loses packets. Where the
  call can go on it does, and where it can't it fails by name: the SDK says that it failed, and the report says why.

  @CP-RES-07
  Scenario: Intercepted TLS gives a named failure
    Given the office firewall lets everything out
    And the office inspects TLS, with certificates of an authority that the SDK doesn't know
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And nothing of alice's could be read on the way
    And SD-RTN hears nothing of alice

  @CP-RES-07
  Scenario: So does TLS that is intercepted behind the lookup
    Given the office firewall lets everything out
    And the office inspects TLS to the relays, with certificates of an authority that the SDK doesn't know
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And nothing of alice's could be read on the way
    And SD-RTN hears nothing of alice

  @CP-RES-07
  Scenario Outline: So does a certificate that is good for another name, shown in place of <whose>
    Given the office firewall lets everything out
    And the office inspects <what>, with certificates of the right authority for another name
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And nothing of alice's could be read on the way
    And SD-RTN hears nothing of alice

    Examples:
      | whose        | what              |
      | any server's | TLS               |
      | a relay's    | TLS to the relays |

  @CP-FLOW-09
  Scenario: Where an HTTP proxy is the only way out the join fails, and no tunnel leads around the cloud proxy
    Given the office's only way out is an HTTP proxy that the SDK isn't told of
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice

  @CP-RES-08
  Scenario Outline: Rows by address work without a name service (it <fails>)
    Given the office's name server <fails>
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And bob subscribes to alice
    Then the last join was proxied
    And publishing succeeded
    And bob receives alice's audio and video

    Examples:
      | fails                |
      | stops                |
      | goes off the network |

  @CP-RES-08
  Scenario: Rows by domain work with it
    Given the cloud proxy is at its production names
    And the office firewall lets everything out
    When alice starts the cloud proxy and joins "town-hall"
    Then the last join was proxied

  @CP-RES-08
  Scenario Outline: Rows by domain fail by name without it (it <fails>)
    Given the cloud proxy is at its production names
    And the office firewall lets everything out
    And the office's name server <fails>
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And the report names the office's name server as what failed

    Examples:
      | fails                |
      | stops                |
      | goes off the network |

  @CP-RES-12
  Scenario: Relays that move to unlisted addresses fail by name
    Given the relays have moved to addresses that are not on the whitelist
    When alice starts the cloud proxy and joins "town-hall"
    Then joining failed within its limit
    And SD-RTN hears nothing of alice
    And alice sent packets to edges and relays only
    And the report names a production address that the firewall stopped

  @CP-RES-13
  Scenario: With only TCP 443 open the call has messages, and the report names the media rows that are missing
    Given the office firewall allows the whitelist without TCP ports "4000, 3433-3460"
    And the office firewall allows the whitelist without rows T8, T9 and T10
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice sends "good morning"
    And alice publishes
    Then the last join was proxied
    And bob received "good morning" from alice
    And publishing failed within its limit
    And alice sent packets to edges and relays only
    And the report lists rows T1, T2, T3, T8, T9 and T10 as missing

  @CP-RES-14
  Scenario: With 5 % loss and 200 ms of round trip the call holds and every message arrives once, in order
    Given from alice to a relay and back it takes 200 ms, and 5 % of the packets are lost
    And bob is in "town-hall" outside any firewall
    When alice starts the cloud proxy and joins "town-hall"
    And alice publishes
    And bob subscribes to alice
    And alice sends 20 messages
    And bob sends 20 messages
    And 10 seconds pass
    Then publishing succeeded
    And SD-RTN got exactly the messages that alice sent, in order
    And bob received exactly the messages that alice sent, in order
    And alice received exactly the messages that bob sent, in order
    And bob receives alice's audio and video
    And alice's call has held
