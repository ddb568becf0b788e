import Homeserver
import MatrixCore
import WebServer

extension Call {
    /// The room that the path names by ID or by alias.
    /// - Throws: 400 `M_UNKNOWN` if it is neither; 404 `M_NOT_FOUND` if the alias stands for no room.
    func room(
        _ name: String = "roomIdOrAlias", in directory: RoomDirectory
    ) async throws -> RoomID {
        let text = path(name)
        if let id = RoomID(text) { return id }
        guard let alias = RoomAlias(text) else {
            throw MatrixError(
                status: 400, code: .unknown, message: "\(text) was not legal room ID or room alias")
        }
        return try await directory.resolve(alias).room
    }
}
