package import Homeserver
package import MatrixCore
package import WebServer

/// The parts of the server that its client API serves.
package struct ClientServices: Sendable {
    /// Registration, login, devices, profiles.
    package struct Accounts: Sendable {
        package var accounts: AccountService
        package var logins: LoginService
        package var registration: RegistrationService
        package var interactiveAuth: UserInteractiveAuth
        package var devices: DeviceService
        package var profiles: ProfileService
        package var passwords: PasswordChange
        package var deactivation: DeactivationService
        package var renewal: AccountRenewalService

        package init(
            accounts: AccountService, logins: LoginService, registration: RegistrationService,
            interactiveAuth: UserInteractiveAuth, devices: DeviceService, profiles: ProfileService,
            passwords: PasswordChange, deactivation: DeactivationService, renewal: AccountRenewalService
        ) {
            self.accounts = accounts
            self.logins = logins
            self.registration = registration
            self.interactiveAuth = interactiveAuth
            self.devices = devices
            self.profiles = profiles
            self.passwords = passwords
            self.deactivation = deactivation
            self.renewal = renewal
        }
    }

    /// Everything that happens in rooms, and the ways to find them.
    package struct Rooms: Sendable {
        package var creation: RoomCreation
        package var rooms: RoomService
        package var memberships: MembershipService
        package var reader: RoomReader
        package var directory: RoomDirectory
        package var sync: SyncService
        package var filters: FilterService
        package var accountData: AccountDataService

        package init(
            creation: RoomCreation, rooms: RoomService, memberships: MembershipService, reader: RoomReader,
            directory: RoomDirectory, sync: SyncService, filters: FilterService, accountData: AccountDataService
        ) {
            self.creation = creation
            self.rooms = rooms
            self.memberships = memberships
            self.reader = reader
            self.directory = directory
            self.sync = sync
            self.filters = filters
            self.accountData = accountData
        }
    }

    package var accounts: Accounts
    package var rooms: Rooms
    /// Where clients find this server.
    package var discovery: ClientDiscovery
    /// Features outside the specification whose state clients are told.
    package var unstableFeatures: [(name: String, isOn: Bool)] = []
    /// Capabilities beyond those that the services here know of.
    package var furtherCapabilities: JSONObject = [:]

    package init(accounts: Accounts, rooms: Rooms, discovery: ClientDiscovery) {
        self.accounts = accounts
        self.rooms = rooms
        self.discovery = discovery
    }
}

/// Everything under `/_matrix/client`, and what leads clients there.
package func endpoints(for services: ClientServices) -> [any EndpointGroup] {
    discoveryEndpoints(services) + accountEndpoints(services) + roomEndpoints(services.rooms)
}

private func discoveryEndpoints(_ services: ClientServices) -> [any EndpointGroup] {
    [
        Versions(unstableFeatures: services.unstableFeatures),
        Wellknown(discovery: services.discovery),
        Capabilities(
            profiles: services.accounts.profiles.settings,
            changesPasswords: services.accounts.accounts.settings.allowsPasswordChanges,
            defaultRoomVersion: services.rooms.directory.settings.defaultVersion,
            further: services.furtherCapabilities),
    ]
}

private func accountEndpoints(_ services: ClientServices) -> [any EndpointGroup] {
    let accounts = services.accounts
    return [
        LoginEndpoints(logins: accounts.logins, discovery: services.discovery),
        Registration(registration: accounts.registration),
        RegistrationTokens(registration: accounts.registration),
        Logout(devices: accounts.devices),
        Whoami(),
        DeviceManagement(devices: accounts.devices, interactiveAuth: accounts.interactiveAuth),
        Profile(profiles: accounts.profiles),
        PasswordManagement(passwords: accounts.passwords),
        AccountDeactivation(
            accounts: accounts.accounts, deactivation: accounts.deactivation,
            interactiveAuth: accounts.interactiveAuth),
        AdministrativeContact(accounts: accounts.accounts),
        AccountValidity(renewal: accounts.renewal),
        Filter(filters: services.rooms.filters),
    ]
}

private func roomEndpoints(_ services: ClientServices.Rooms) -> [any EndpointGroup] {
    [
        CreateRoom(creation: services.creation),
        RoomUpgrade(creation: services.creation),
        Joining(memberships: services.memberships, directory: services.directory),
        Leaving(memberships: services.memberships),
        Inviting(memberships: services.memberships),
        Kicking(memberships: services.memberships),
        Banning(memberships: services.memberships),
        Knocking(memberships: services.memberships, directory: services.directory),
        ListJoinedRooms(memberships: services.memberships),
        Rooms(reader: services.reader),
        RoomState(rooms: services.rooms),
        RoomSend(rooms: services.rooms),
        Redaction(rooms: services.rooms),
        MessagePagination(reader: services.reader),
        EventContext(reader: services.reader),
        RoomEventByTimestamp(reader: services.reader),
        Relations(reader: services.reader),
        Directory(directory: services.directory),
        ListPublicRooms(directory: services.directory),
        Sync(sync: services.sync, filters: services.filters),
        AccountData(accountData: services.accountData),
    ]
}
