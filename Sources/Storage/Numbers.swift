/// A room's number in storage. Never shown to a client.
package typealias RoomNumber = Int64
/// An event's number in storage. Never shown to a client.
package typealias EventNumber = Int64
/// The number of a (type, state key) pair. A user is numbered by the pair of their member event.
package typealias StateKeyNumber = Int64
/// A position in the event stream: every event a client may be sent has a higher one than those before it.
package typealias StreamPosition = Int64
