import MatrixCore
import ModuleAPI
import Synchronization

/// A module for tests that does as it is told: the sibling, in Swift, of python/puppet.py.
///
/// Its configuration: `name`, `folder` (where it finds what to answer and writes down how it was called), and `callbacks`,
/// which maps a family (`spam_checker`) to Synapse's names of callbacks. What a callback answers stands in
/// `<folder>/<callback>.json`, read at each call (see `Puppet.answer`); without it the callback answers what changes nothing.
/// A web resource at `/_synapse/client/puppet/<name>` runs commands (see `Puppet.run`).
final class Puppet: Module {
    /// What the tests may have it do.
    struct Configuration: Sendable {
        var name: String
        var folder: String
        /// Names of callbacks by family.
        var callbacks: [(family: String, names: Set<String>)] = []
        var hasResource = true
        /// Further paths to answer at.
        var paths: [String] = []
        /// Why it cannot be made.
        var failure: String?
        /// A room to read while it is made.
        var room: String?
    }

    /// What the tests see of it from one command to the next.
    struct Memory: Sendable {
        var counts: [String: Int64] = [:]
        var calls: [String: BackgroundCall] = [:]
    }

    let configuration: Configuration
    let context: any ModuleContext
    let strings: Strings
    let memory = Mutex(Memory())
    /// How often a value was found for the cache, which is the value.
    let cache: ModuleCache<String, Int64>
    private let finds: Finds

    static func parseConfiguration(_ object: JSONObject) throws -> Configuration {
        if let words = object.string("parse_error") { throw Failure(words) }
        guard let name = object.string("name") else { throw ConfigurationError("expected a string", at: "name") }
        guard let folder = object.string("folder") else { throw ConfigurationError("expected a string", at: "folder") }
        var configuration = Configuration(name: name, folder: folder)
        for (family, names) in object.object("callbacks") ?? [:] {
            let all = names.arrayValue ?? []
            for (item, name) in all.enumerated() where known[family]?.contains(name.stringValue ?? "") != true {
                throw ConfigurationError("there is no such callback", at: "callbacks", family, "<item \(item)>")
            }
            configuration.callbacks.append((family, Set(all.compactMap(\.stringValue))))
        }
        configuration.hasResource = object.bool("resource") ?? true
        configuration.paths = (object.array("paths") ?? []).compactMap(\.stringValue)
        configuration.failure = object.string("constructor_error")
        configuration.room = object.string("room")
        return configuration
    }

    init(configuration: Configuration, context: any ModuleContext) async throws {
        self.configuration = configuration
        self.context = context
        strings = Strings(folder: configuration.folder)
        let finds = Finds()
        self.finds = finds
        cache = ModuleCache(named: "puppet") { finds.next($0) }
        if let failure = configuration.failure { throw Failure(failure) }
        if let name = configuration.room, let room = RoomID(name) {
            let create = try await context.rooms.state(of: room)[.create]
            try strings.note("made", [create.map { .string($0.type.string) } ?? .null])
        } else {
            try strings.note("made", [])
        }
        for (family, names) in configuration.callbacks { try register(family, names) }
        if configuration.hasResource {
            try context.register(
                WebResource("/_synapse/client/puppet/\(configuration.name)") { try await self.respond(to: $0) })
        }
        for path in configuration.paths {
            try context.register(WebResource(path) { try await self.show($0) })
        }
    }
}

/// An error that is not Matrix's.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Counts how often values were found.
final class Finds: Sendable {
    private let count = Mutex<Int64>(0)

    func next(_ key: String) -> Int64 {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
