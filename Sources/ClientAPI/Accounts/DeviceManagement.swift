package import Homeserver
import MatrixCore
package import WebServer

/// The user's devices.
///
/// Spec: Client-Server API, [Device management](https://spec.matrix.org/v1.19/client-server-api/#device-management).
package struct DeviceManagement: EndpointGroup {
    private let devices: DeviceService
    private let interactiveAuth: UserInteractiveAuth

    package init(devices: DeviceService, interactiveAuth: UserInteractiveAuth) {
        self.devices = devices
        self.interactiveAuth = interactiveAuth
    }

    private static let devicePath = "/_matrix/client/v3/devices/{deviceId}"
    private static let deleteDevicesPath = "/_matrix/client/v3/delete_devices"
    private static let aliases = ["r0", "unstable"]

    package var endpoints: [Endpoint] {
        [
            .get("/_matrix/client/v3/devices", .user(guests: true), aliases: Self.aliases, getDevices),
            .get(Self.devicePath, .user(guests: true), aliases: Self.aliases, getDevice),
            .put(Self.devicePath, .user(guests: true), aliases: Self.aliases, updateDevice),
            .delete(Self.devicePath, .user(guests: false), aliases: Self.aliases, deleteDevice),
            .post(Self.deleteDevicesPath, .user(guests: false), aliases: Self.aliases, deleteDevices),
        ]
    }

    /// Lists the user's devices.
    @Sendable func getDevices(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        let list = try await devices.devices(of: requester)
        return .json(["devices": .array(list.map { .object(Self.object($0, of: requester)) })])
    }

    /// Describes one device.
    @Sendable func getDevice(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        let device = try await devices.device(DeviceID(call.path("deviceId")), of: requester)
        return .json(Self.object(device, of: requester))
    }

    /// Names a device.
    @Sendable func updateDevice(_ call: Call) async throws -> Reply {
        let name = try call.object()["display_name"] ?? .null
        guard name.isNull || name.stringValue != nil else {
            throw MatrixError.badJSON("'display_name' must be a string")
        }
        try await devices.setDisplayName(
            name.stringValue, of: DeviceID(call.path("deviceId")), requester: call.user())
        return .json([:])
    }

    /// Removes a device, once the user has proved who they are.
    @Sendable func deleteDevice(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        let id = call.path("deviceId")
        let operation = InteractiveOperation(
            method: "DELETE", uri: "/_matrix/client/v3/devices/\(id)", body: try call.object(allowEmpty: true),
            requester: requester)
        return try await interactiveAuth.protecting(operation) { _ in
            try await devices.delete([DeviceID(id)], of: requester, accessToken: call.accessToken)
            return .json([:])
        }
    }

    /// Removes several devices, once the user has proved who they are.
    @Sendable func deleteDevices(_ call: Call) async throws -> Reply {
        let requester = try call.user()
        let body = try call.object()
        if body.object("auth")?["session"] == nil || body.contains("devices") { _ = try Self.devices(in: body) }
        let operation = InteractiveOperation(
            method: "POST", uri: Self.deleteDevicesPath, body: body, requester: requester)
        return try await interactiveAuth.protecting(operation) { body in
            try await devices.delete(Self.devices(in: body), of: requester, accessToken: call.accessToken)
            return .json([:])
        }
    }

    private static func devices(in body: JSONObject) throws(MatrixError) -> [DeviceID] {
        guard let devices = body["devices"] else { throw .missingParam("Missing JSON keys: devices") }
        guard let ids = devices.stringArrayValue else { throw .badJSON("'devices' must be an array of strings") }
        return ids.map { DeviceID($0) }
    }

    private static func object(_ device: DeviceDescription, of requester: Requester) -> JSONObject {
        [
            "device_id": .string(device.id.string),
            "display_name": device.displayName.map { .string($0) } ?? .null,
            "last_seen_ts": device.lastSeenAt.map { .integer($0.milliseconds) } ?? .null,
            "last_seen_ip": device.lastSeenAddress.map { .string($0) } ?? .null,
            "user_id": .string(requester.user.string),
        ]
    }
}
