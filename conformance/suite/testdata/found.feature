Feature: What random worlds have found
  # SD-RTN takes back what alice published when she comes by another way, and alice has sent nothing by the old one.
  Scenario: SD-RTN forgets a direct call when its user comes back through the cloud proxy
    * the office firewall lets everything out
    * alice calls join "town-hall"
    * alice publishes
    * the office firewall forgets all flows, and resets what belongs to none
    * alice calls leave
    * alice calls startProxyServer and join "town-hall"
    * alice leaves with every client, and every rule that holds in any world was kept
