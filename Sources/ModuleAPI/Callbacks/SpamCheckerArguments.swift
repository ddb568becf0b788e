public import MatrixCore

/// An address outside Matrix, by which somebody may be known or invited.
public struct ThreepidAddress: Hashable, Sendable {
    /// `email` or `msisdn`.
    public var medium: String
    public var address: String

    public init(medium: String, address: String) {
        self.medium = medium
        self.address = address
    }
}

/// Where a request came from.
public struct RequestOrigin: Hashable, Sendable {
    public var userAgent: String?
    /// The client's network address.
    public var address: String

    public init(userAgent: String?, address: String) {
        self.userAgent = userAgent
        self.address = address
    }
}

/// A user as the user directory shows them.
public struct DirectoryProfile: Hashable, Sendable {
    public var user: UserID
    public var displayName: String?
    /// An `mxc:` URI.
    public var avatarURL: String?

    public init(user: UserID, displayName: String? = nil, avatarURL: String? = nil) {
        self.user = user
        self.displayName = displayName
        self.avatarURL = avatarURL
    }
}

/// An account that somebody wants to make.
public struct RegistrationAttempt: Hashable, Sendable {
    /// The email address they have shown to own.
    public var email: ThreepidAddress?
    public var emailValidatedAt: Timestamp?
    /// The localpart they want; `nil` lets the server choose.
    public var username: String?
    /// Where the requests of this registration came from; several if it took several.
    public var origins: [RequestOrigin]
    /// What they signed in with elsewhere, such as `oidc-github`; `nil` for an ordinary registration.
    public var authProviderID: String?

    public init(
        email: ThreepidAddress? = nil, emailValidatedAt: Timestamp? = nil, username: String? = nil,
        origins: [RequestOrigin] = [], authProviderID: String? = nil
    ) {
        self.email = email
        self.emailValidatedAt = emailValidatedAt
        self.username = username
        self.origins = origins
        self.authProviderID = authProviderID
    }
}

/// A user about to log in.
public struct LoginAttempt: Hashable, Sendable {
    public var user: UserID
    /// The device they asked for; `nil` lets the server choose.
    public var device: DeviceID?
    public var initialDisplayName: String?
    public var origins: [RequestOrigin]
    /// What they signed in with elsewhere; `nil` otherwise.
    public var authProviderID: String?

    public init(
        user: UserID, device: DeviceID? = nil, initialDisplayName: String? = nil, origins: [RequestOrigin] = [],
        authProviderID: String? = nil
    ) {
        self.user = user
        self.device = device
        self.initialDisplayName = initialDisplayName
        self.origins = origins
        self.authProviderID = authProviderID
    }
}

/// A file that is on this server's disk and not in its repository yet.
public struct MediaFile: Sendable {
    /// Where it lies, for programs that read files themselves. It may be gone once the callback has answered.
    public let path: String
    private let read: @Sendable (_ offset: Int64, _ count: Int) async throws -> [UInt8]

    /// - Parameter read: Reads so many bytes from there; fewer at the end of the file, none beyond it.
    public init(
        path: String, read: @escaping @Sendable (_ offset: Int64, _ count: Int) async throws -> [UInt8]
    ) {
        self.path = path
        self.read = read
    }

    /// At most `count` bytes from `offset` on; fewer at the end of the file, none beyond it.
    public func bytes(at offset: Int64, count: Int) async throws -> [UInt8] { try await read(offset, count) }

    /// Hands the whole file to `body`, a piece at a time. Synapse's `write_chunks_to`.
    public func forEachChunk(
        of size: Int = 16_384, _ body: (_ chunk: [UInt8]) async throws -> Void
    ) async throws {
        var offset: Int64 = 0
        while true {
            let chunk = try await read(offset, size)
            if chunk.isEmpty { return }
            try await body(chunk)
            offset += Int64(chunk.count)
        }
    }
}

/// What is known of a file. Synapse's `FileInfo`.
public struct MediaFileInfo: Hashable, Sendable {
    /// The server it comes from; `nil` for this one.
    public var server: ServerName?
    public var fileID: String
    /// Whether it was downloaded for a URL preview.
    public var isURLCache: Bool
    /// What kind of thumbnail it is; `nil` if it is none.
    public var thumbnail: MediaThumbnail?

    public init(
        server: ServerName? = nil, fileID: String, isURLCache: Bool = false, thumbnail: MediaThumbnail? = nil
    ) {
        self.server = server
        self.fileID = fileID
        self.isURLCache = isURLCache
        self.thumbnail = thumbnail
    }
}

/// A small picture of a larger one. Synapse's `ThumbnailInfo`.
public struct MediaThumbnail: Hashable, Sendable {
    public var width: Int
    public var height: Int
    /// `crop` or `scale`.
    public var method: String
    /// Its content type.
    public var type: String
    /// Its size in bytes.
    public var length: Int64

    public init(width: Int, height: Int, method: String, type: String, length: Int64) {
        self.width = width
        self.height = height
        self.method = method
        self.type = type
        self.length = length
    }
}
