-- Rooms, their event graphs and their state.
--
-- Rooms, events and (type, state key) pairs are numbered; tables join on the numbers. {serial} is a 64-bit primary key
-- that numbers itself, {blob} a byte string; the migrator writes each engine's word for them.

CREATE TABLE rooms (
    room {serial},
    room_id TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    -- Root of the room's current state in state_nodes; 0 is the empty state.
    state_root BIGINT NOT NULL DEFAULT 0,
    joined_members BIGINT NOT NULL DEFAULT 0,
    invited_members BIGINT NOT NULL DEFAULT 0,
    -- 1 if the published room directory lists the room.
    is_published BIGINT NOT NULL DEFAULT 0,
    created_ts BIGINT NOT NULL
);
CREATE INDEX rooms_published ON rooms (joined_members, room) WHERE is_published = 1;

CREATE TABLE state_keys (
    number {serial},
    type TEXT NOT NULL,
    state_key TEXT NOT NULL,
    UNIQUE (state_key, type)
);

CREATE TABLE events (
    event {id},
    room BIGINT NOT NULL REFERENCES rooms (room),
    event_id TEXT NOT NULL UNIQUE,
    -- Position in the event stream; NULL for an event that is in no timeline (outlier, rejected, soft-failed).
    stream BIGINT,
    depth BIGINT NOT NULL,
    origin_server_ts BIGINT NOT NULL,
    -- What the event is state for; NULL if it is no state event.
    state_key BIGINT REFERENCES state_keys (number),
    -- Root of the state before the event; NULL for an outlier.
    state_before BIGINT,
    -- Root of the room's current state once the event was committed.
    room_state BIGINT,
    -- The state event this one took the place of.
    replaces BIGINT,
    -- 1 outlier, 2 rejected, 4 soft-failed.
    flags BIGINT NOT NULL DEFAULT 0,
    redacted_by BIGINT,
    -- The transaction the event was sent in by a device of ours.
    transaction_account BIGINT,
    transaction_device TEXT,
    transaction_id TEXT
);
CREATE UNIQUE INDEX events_by_stream ON events (room, stream) WHERE stream IS NOT NULL;
CREATE INDEX events_by_time ON events (room, origin_server_ts) WHERE stream IS NOT NULL;
CREATE UNIQUE INDEX events_by_transaction ON events (transaction_account, transaction_id, transaction_device, room)
    WHERE transaction_id IS NOT NULL;

-- The event as it goes over federation, in canonical JSON.
CREATE TABLE event_json (
    event {id},
    pdu {blob} NOT NULL
);

CREATE TABLE event_edges (
    event BIGINT NOT NULL REFERENCES events (event),
    prev BIGINT NOT NULL REFERENCES events (event),
    PRIMARY KEY (prev, event)
) {clustered};

CREATE TABLE forward_extremities (
    room BIGINT NOT NULL REFERENCES rooms (room),
    event BIGINT NOT NULL REFERENCES events (event),
    -- Root of the state after the event.
    state BIGINT NOT NULL,
    PRIMARY KEY (room, event)
) {clustered};

-- What an event says it relates to (m.relates_to).
CREATE TABLE event_relations (
    event {id},
    room BIGINT NOT NULL,
    relates_to TEXT NOT NULL,
    relation_type TEXT NOT NULL,
    type TEXT NOT NULL,
    sender TEXT NOT NULL
);
CREATE INDEX event_relations_by_target ON event_relations (relates_to, relation_type, event);

-- Nodes of the persistent hash tries that hold room states. Immutable; a node is stored once, by its content's hash.
CREATE TABLE state_nodes (
    node {serial},
    hash {blob} NOT NULL UNIQUE,
    body {blob} NOT NULL,
    -- The collection of unreachable nodes during which the node was last written or written again.
    epoch BIGINT NOT NULL DEFAULT 0
);

-- The collection of unreachable state nodes: one row, once there was one.
CREATE TABLE state_collection (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL,
    -- 0 at rest, 1 marking what rooms reach, 2 what events reach, 3 sweeping.
    phase BIGINT NOT NULL,
    -- The room, event or node that the phase has come to.
    reached BIGINT NOT NULL,
    deleted BIGINT NOT NULL
);

-- Chain cover of the auth graph: each state event stands on a chain, and reaches what is below it there and along the
-- links that start at it or below it. A chain is numbered by its first event.
CREATE TABLE auth_chains (
    event {id},
    chain BIGINT NOT NULL,
    sequence BIGINT NOT NULL
);
CREATE UNIQUE INDEX auth_chains_by_place ON auth_chains (chain, sequence);

CREATE TABLE auth_chain_links (
    chain BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    target_chain BIGINT NOT NULL,
    target_sequence BIGINT NOT NULL,
    PRIMARY KEY (chain, sequence, target_chain, target_sequence)
) {clustered};
CREATE INDEX auth_chain_links_by_target ON auth_chain_links (target_chain, target_sequence);

CREATE TABLE current_state (
    room BIGINT NOT NULL REFERENCES rooms (room),
    state_key BIGINT NOT NULL REFERENCES state_keys (number),
    event BIGINT NOT NULL REFERENCES events (event),
    PRIMARY KEY (room, state_key)
) {clustered};

-- Each user's latest membership in each room. A user is numbered by the state key of their member event.
CREATE TABLE memberships (
    user_key BIGINT NOT NULL REFERENCES state_keys (number),
    room BIGINT NOT NULL REFERENCES rooms (room),
    -- 1 join, 2 invite, 3 knock, 4 leave, 5 ban.
    membership BIGINT NOT NULL,
    event BIGINT NOT NULL REFERENCES events (event),
    stream BIGINT NOT NULL,
    is_local BIGINT NOT NULL,
    forgotten BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (user_key, room)
) {clustered};
CREATE INDEX memberships_by_room ON memberships (room, membership, user_key);

CREATE TABLE room_aliases (
    alias TEXT NOT NULL PRIMARY KEY,
    room BIGINT NOT NULL REFERENCES rooms (room),
    creator TEXT NOT NULL
);
CREATE INDEX room_aliases_by_room ON room_aliases (room);
