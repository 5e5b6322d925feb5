package check

// Requirement is what a group of rows is about: one of the catalogue's.
type Requirement struct {
	ID      string // "CP-RLY-01"
	Section string // "RFC 8489 §9.2.4"
	Title   string
}

// Requirements is all of them, in order.
var Requirements = []Requirement{
	{"CP-RLY-01", "RFC 8489 §9.2.4", "a request without MESSAGE-INTEGRITY gets 401, REALM and NONCE"},
	{"CP-RLY-02", "RFC 8489 §9.2.4", "a wrong key or an unknown user gets 401"},
	{"CP-RLY-03", "RFC 8489 §9.2.4", "MESSAGE-INTEGRITY without USERNAME, REALM or NONCE gets 400"},
	{"CP-RLY-04", "RFC 8489 §9.2.4", "a stale or forged NONCE gets 438 and a new one"},
	{"CP-RLY-05", "RFC 8489 §9.2.4", "answers to authenticated requests carry MESSAGE-INTEGRITY"},
	{"CP-RLY-06", "RFC 8489 §14.5", "what stands behind MESSAGE-INTEGRITY is ignored"},
	{"CP-RLY-07", "RFC 8489 §6.3, §14.7", "what isn't a sound STUN message gets silence"},
	{"CP-RLY-08", "RFC 8489 §6.3.1", "an unknown required attribute gets 420, an optional one is ignored"},
	{"CP-RLY-09", "RFC 8656 §5", "without an allocation a request gets 437, all else silence"},
	{"CP-RLY-10", "RFC 8656 §5", "another user on someone's allocation gets 441"},
	{"CP-RLY-11", "RFC 8656 §7.2", "a second Allocate gets 437, the same one the same success"},
	{"CP-RLY-12", "RFC 8656 §7.2", "no REQUESTED-TRANSPORT gets 400, an unsupported one 442"},
	{"CP-RLY-13", "RFC 8656 §7.2", "DONT-FRAGMENT is honoured, or refused with 420"},
	{"CP-RLY-14", "RFC 8656 §7.2", "RESERVATION-TOKEN beside what contradicts it gets 400, a bad one 508"},
	{"CP-RLY-15", "RFC 8656 §7.2", "EVEN-PORT gives an even port, and holds the next one"},
	{"CP-RLY-16", "RFC 8656 §7.2", "an unsupported address family gets 440, conflicting ones 400"},
	{"CP-RLY-17", "RFC 8656 §7.2", "over the quota gets 486, no port left 508"},
	{"CP-RLY-18", "RFC 8656 §7.2", "a success carries relayed address, mapped address and lifetime"},
	{"CP-RLY-19", "RFC 8656 §7.2, §8.2", "a lifetime is from the default to the maximum"},
	{"CP-RLY-20", "RFC 8656 §8.2", "Refresh 0 deletes, the wrong family gets 443"},
	{"CP-RLY-21", "RFC 8656 §10.2", "CreatePermission is for every peer or for none"},
	{"CP-RLY-22", "RFC 8656 §10.2, §12.2", "a forbidden peer gets 403"},
	{"CP-RLY-23", "RFC 8656 §10.2, §12.2", "a peer of the wrong family gets 443"},
	{"CP-RLY-24", "RFC 8656 §9, §11.2", "a permission is for an address, for 300 s"},
	{"CP-RLY-25", "RFC 8656 §11.2", "a Send that isn't in order is dropped"},
	{"CP-RLY-26", "RFC 8656 §11.3", "a peer's packet needs a permission, and is never cut"},
	{"CP-RLY-27", "RFC 8656 §12.2", "a channel outside 0x4000 to 0x4FFF gets 400"},
	{"CP-RLY-28", "RFC 8656 §12.2", "a channel has one peer, a peer one channel, for 600 s"},
	{"CP-RLY-29", "RFC 8656 §12.5, §12.6", "ChannelData that isn't in order is dropped"},
	{"CP-RLY-30", "RFC 8489 §6.2.2", "a stream is read alike, however it is cut"},
}

// section collects the rows of one requirement.
type section struct {
	number string // "01"
	about  Requirement
	rows   []Row
}

func about(number string) section {
	for _, r := range Requirements {
		if r.ID == "CP-RLY-"+number {
			return section{number: number, about: r}
		}
	}
	panic("no requirement " + number) // a mistake in a file of rows
}
