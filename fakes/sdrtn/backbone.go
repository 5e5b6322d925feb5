package sdrtn

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"sync"
)

// Backbone is what the gateways share: who is in which channel. What changes in it is logged before anybody
// is told. Its lock is never held across I/O: what users are told goes into the queues of their connections.
type Backbone struct {
	mu       sync.Mutex
	channels map[channelKey]map[string]*user // by uid
	nextUID  int
}

// channelKey names a channel: App IDs don't share any.
type channelKey struct{ appID, channel string }

// user is somebody who has joined. Backbone.mu guards what follows conn, also in those who have left.
type user struct {
	key    channelKey
	uid    string
	resume string
	conn   *connection

	messages      int // sent to this user: the last one's seq
	publication   *publication
	subscriptions map[string]*subscription // by the publisher's uid
}

// event is one about the user.
func (u *user) event(name, detail string) Event {
	return Event{Name: name, Source: u.conn.source, Channel: u.key.channel, User: u.uid, Detail: detail}
}

// refusal is an error frame in the making.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.message }

// NewBackbone makes a backbone without users.
func NewBackbone() *Backbone {
	return &Backbone{channels: map[channelKey]map[string]*user{}, nextUID: 1000}
}

// join adds a user and tells everybody, the user's own connection first. old is the user whom it took
// over, if any: that one has left, and their media is the caller's to end.
func (b *Backbone) join(conn *connection, f Frame, resume string) (u, old *user, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	u = &user{
		key: channelKey{f.AppID, f.Channel}, uid: f.UID, resume: resume, conn: conn,
		subscriptions: map[string]*subscription{},
	}
	users := b.channels[u.key]
	if users == nil {
		users = map[string]*user{}
		b.channels[u.key] = users
	}
	for u.uid == "" || f.UID == "" && users[u.uid] != nil {
		b.nextUID++
		u.uid = strconv.Itoa(b.nextUID)
	}
	if old = users[u.uid]; old != nil {
		if f.Resume == "" || f.Resume != old.resume {
			return nil, nil, &refusal{CodeUIDInUse, "user " + u.uid + " is in this channel already"}
		}
		b.remove(old, "resumed on another connection")
	}
	joined := u.event(EventJoined, "")
	joined.Version = f.SDKVersion
	if old != nil {
		joined.Detail = "resumed"
	}
	conn.g.log(joined)
	conn.send(Frame{Type: TypeOK, ID: f.ID, UID: u.uid, Resume: resume})
	for _, other := range sorted(users) {
		conn.send(Frame{Type: TypeUserJoined, UID: other.uid})
		if p := other.publication; p != nil {
			conn.send(p.announcement())
		}
		other.conn.send(Frame{Type: TypeUserJoined, UID: u.uid})
	}
	users[u.uid] = u
	b.channels[u.key] = users // again, if old was the only one
	return u, old, nil
}

// leave removes a user and tells the others. It reports whether the user was still there: then the user's
// media is the caller's to end.
func (b *Backbone) leave(u *user, why string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.remove(u, why)
}

func (b *Backbone) remove(u *user, why string) bool {
	users := b.channels[u.key]
	if users[u.uid] != u {
		return false
	}
	u.conn.g.log(u.event(EventLeft, why))
	delete(users, u.uid)
	if len(users) == 0 {
		delete(b.channels, u.key)
	}
	for _, other := range sorted(users) {
		if u.publication != nil {
			other.conn.send(Frame{Type: TypeUserUnpub, UID: u.uid})
		}
		other.conn.send(Frame{Type: TypeUserLeft, UID: u.uid})
	}
	return true
}

// message passes a text to every other user of the sender's channel.
func (b *Backbone) message(from *user, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range sorted(b.channels[from.key]) {
		if other != from {
			other.messages++
			other.conn.out.Put(outgoing{Frame{Type: TypeMessage, UID: from.uid, Text: text, Seq: other.messages}, other})
		}
	}
}

// publish makes p the user's publication and tells the others.
func (b *Backbone) publish(p *publication) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.channels[p.user.key][p.user.uid] != p.user:
		return &refusal{CodeNotJoined, "user " + p.user.uid + " has left"}
	case p.user.publication != nil:
		return &refusal{CodeAlreadyPublished, "user " + p.user.uid + " publishes already"}
	}
	p.user.publication = p
	p.g.log(p.user.event(EventPublished, wanted(p.announcement())))
	for _, other := range sorted(b.channels[p.user.key]) {
		if other != p.user {
			other.conn.send(p.announcement())
		}
	}
	return nil
}

// unpublish takes p back and tells the others.
func (b *Backbone) unpublish(p *publication, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.user.publication != p {
		return
	}
	p.user.publication = nil
	p.g.log(p.user.event(EventUnpublished, why))
	if b.channels[p.user.key][p.user.uid] != p.user {
		return // the others have been told with the user's leaving
	}
	for _, other := range sorted(b.channels[p.user.key]) {
		if other != p.user {
			other.conn.send(Frame{Type: TypeUserUnpub, UID: p.user.uid})
		}
	}
}

// own is the user's publication, or nil.
func (b *Backbone) own(u *user) *publication {
	b.mu.Lock()
	defer b.mu.Unlock()
	return u.publication
}

// publicationOf is what the user uid of u's channel publishes.
func (b *Backbone) publicationOf(u *user, uid string) (*publication, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	other := b.channels[u.key][uid]
	switch {
	case other == nil || other == u:
		return nil, &refusal{CodeUnknownUser, "no other user " + strconv.Quote(uid) + " is in this channel"}
	case other.publication == nil:
		return nil, &refusal{CodeNotPublished, "user " + uid + " publishes nothing"}
	}
	return other.publication, nil
}

// subscribe makes s one of its user's subscriptions.
func (b *Backbone) subscribe(s *subscription) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	uid := s.from.user.uid
	switch {
	case b.channels[s.user.key][s.user.uid] != s.user:
		return &refusal{CodeNotJoined, "user " + s.user.uid + " has left"}
	case s.from.user.publication != s.from:
		return &refusal{CodeNotPublished, "user " + uid + " has unpublished"}
	case s.user.subscriptions[uid] != nil && s.user.subscriptions[uid].from == s.from: // an older one is ending
		return &refusal{CodeAlreadySubscribed, "user " + s.user.uid + " is subscribed to " + uid + " already"}
	}
	s.user.subscriptions[uid] = s
	s.from.subscriptions = append(s.from.subscriptions, s)
	return nil
}

// unsubscribe takes s back.
func (b *Backbone) unsubscribe(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if uid := s.from.user.uid; s.user.subscriptions[uid] == s {
		delete(s.user.subscriptions, uid)
	}
	s.from.subscriptions = slices.DeleteFunc(s.from.subscriptions, func(o *subscription) bool { return o == s })
}

// subscription of u to the user uid, or nil.
func (b *Backbone) subscription(u *user, uid string) *subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return u.subscriptions[uid]
}

// subscriptionsOf is all that u has, in the order of the publishers' uids.
func (b *Backbone) subscriptionsOf(u *user) []*subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Values(u.subscriptions), func(a, b *subscription) int {
		return cmp.Compare(a.from.user.uid, b.from.user.uid)
	})
}

// subscribers is every subscription to p, in the order in which they began.
func (b *Backbone) subscribers(p *publication) []*subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(p.subscriptions)
}

// sorted is the users in the order of their uids, so that one seed gives one order of packets.
func sorted(users map[string]*user) []*user {
	return slices.SortedFunc(maps.Values(users), func(a, b *user) int { return cmp.Compare(a.uid, b.uid) })
}
