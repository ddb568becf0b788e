package import MatrixCore
package import ModuleAPI

/// What the server offers modules, made by the services that can do it.
package struct ModuleServices: Sendable {
    package var serverName: ServerName
    /// Ends in a slash.
    package var publicBaseURL: String
    package var emailAppName: String

    package var users: any ModuleUsers
    package var rooms: any ModuleRooms
    package var publicRooms: any PublicRoomList
    package var accountData: any ModuleAccountData
    package var database: any ModuleDatabase
    package var http: any HTTPClient
    package var background: any BackgroundCalls

    package init(
        serverName: ServerName, publicBaseURL: String, emailAppName: String, users: any ModuleUsers,
        rooms: any ModuleRooms, publicRooms: any PublicRoomList, accountData: any ModuleAccountData,
        database: any ModuleDatabase, http: any HTTPClient, background: any BackgroundCalls
    ) {
        self.serverName = serverName
        self.publicBaseURL = publicBaseURL
        self.emailAppName = emailAppName
        self.users = users
        self.rooms = rooms
        self.publicRooms = publicRooms
        self.accountData = accountData
        self.database = database
        self.http = http
        self.background = background
    }
}
