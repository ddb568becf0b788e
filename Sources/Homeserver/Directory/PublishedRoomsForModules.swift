package import MatrixCore
import ModuleAPI

/// The list of rooms that this server publishes, as modules see and change it.
package struct PublishedRoomsForModules: PublicRoomList {
    private let directory: RoomDirectory

    package init(directory: RoomDirectory) { self.directory = directory }

    package func contains(_ room: RoomID) async throws -> Bool {
        guard try await directory.states.room(room) != nil else { return false }
        return try await directory.isPublished(room)
    }

    package func add(_ room: RoomID) async throws { try await directory.setPublished(true, room) }
    package func remove(_ room: RoomID) async throws { try await directory.setPublished(false, room) }
}
