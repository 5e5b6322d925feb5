Feature: Leaving while relays are still being asked
  Scenario Outline: It takes <ms> ms to a relay and back
    * from alice to a relay and back it takes <ms> ms, and 0 % of the packets are lost
    * alice starts the cloud proxy and joins "town-hall"
    * alice publishes
    * alice leaves
    * 30 seconds pass
    * nothing of alice's calls is left at the cloud proxy

    Examples:
      | ms  |
      | 40  |
      | 100 |
      | 200 |
      | 300 |
      | 400 |
      | 600 |

  Scenario Outline: It takes <ms> ms to a relay and back, and one is gone
    * from alice to a relay and back it takes <ms> ms, and 0 % of the packets are lost
    * the relay that the lookup names first for "town-hall" goes off the network
    * alice starts the cloud proxy and joins "town-hall"
    * alice publishes
    * alice leaves
    * 30 seconds pass
    * nothing of alice's calls is left at the cloud proxy

    Examples:
      | ms  |
      | 40  |
      | 100 |
      | 200 |
      | 300 |
      | 400 |
      | 600 |
