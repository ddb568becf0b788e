import SQLEngine

/// The chain cover of the auth graph. (Being written.)
extension RoomStores {
    func addToAuthChains(_ event: EventNumber, authEvents: [EventNumber]) throws {}
    func authDifference(of sets: [[EventNumber]]) throws -> Set<EventNumber> { [] }
}
