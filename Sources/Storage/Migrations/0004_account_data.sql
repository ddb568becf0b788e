-- What users' clients keep on the server. `room_id` is empty for what concerns the account as a whole; a user need not be in
-- the room, nor this server. `stream` numbers the writes: a row moves to the end when it is written again.
CREATE TABLE account_data (
    user_number BIGINT NOT NULL REFERENCES users (number),
    room_id TEXT NOT NULL,
    type TEXT NOT NULL,
    -- A JSON object.
    content TEXT NOT NULL,
    stream BIGINT NOT NULL UNIQUE,
    PRIMARY KEY (user_number, room_id, type)
);
CREATE INDEX account_data_by_user ON account_data (user_number, stream);

-- How far modules have been told of new events: one row, while a module wants to be told.
CREATE TABLE module_event_feed (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    position BIGINT NOT NULL
);

-- Finds a room's state of one type without going through its members.
CREATE INDEX state_keys_by_type ON state_keys (type, number) WHERE type <> 'm.room.member';
