import Synchronization

/// Values that are costly to find, kept in memory. Synapse's `@cached`.
///
/// ```swift
/// let departments = ModuleCache<UserID, String>(named: "departments") { user in
///     try await directory.department(of: user)
/// }
/// …
/// if try await departments[user] == "sales" { … }
/// ```
///
/// Of those who ask for the same key at once one finds the value, and the others wait for it. What fails is not kept. At
/// most so many values are kept; the one that was not asked for the longest goes first.
public final class ModuleCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// What the cache is called, for people who read logs.
    public let name: String
    private let maximumCount: Int
    private let find: @Sendable (Key) async throws -> Value
    private let state = Mutex(State())

    /// A value on its way, or there.
    private enum Entry {
        case finding(Task<Value, any Error>, number: UInt64)
        case found(Value, lastUse: UInt64)
    }

    /// What becomes of a key that is asked for.
    private enum Step {
        case done(Value)
        case wait(Task<Value, any Error>)
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        /// Keys by when they were last asked for; ones that were asked for again since are stale.
        var uses: [(key: Key, use: UInt64)] = []
        var firstUse = 0
        var count = 0
        var lastNumber: UInt64 = 0

        /// Notes that a value was asked for.
        mutating func use(_ key: Key, _ value: Value) {
            lastNumber += 1
            entries[key] = .found(value, lastUse: lastNumber)
            uses.append((key, lastNumber))
            // Mostly stale: every value has one use that counts.
            if uses.count - firstUse > 2 * count + 64 { dropStaleUses() }
        }

        mutating func add(_ key: Key, _ value: Value, maximumCount: Int) {
            count += 1
            use(key, value)
            while count > maximumCount, firstUse < uses.count {
                let oldest = uses[firstUse]
                firstUse += 1
                if isCurrent(oldest) { remove(oldest.key) }
            }
        }

        mutating func remove(_ key: Key) {
            if case .found = entries.removeValue(forKey: key) { count -= 1 }
        }

        private mutating func dropStaleUses() {
            uses = uses[firstUse...].filter(isCurrent)
            firstUse = 0
        }

        private func isCurrent(_ use: (key: Key, use: UInt64)) -> Bool {
            if case .found(_, use.use) = entries[use.key] { true } else { false }
        }
    }

    /// - Parameter find: Finds the value of a key. It is not canceled with the one who asked, since others may wait too.
    public init(
        named name: String, maximumCount: Int = 1_000, _ find: @escaping @Sendable (Key) async throws -> Value
    ) {
        self.name = name
        self.maximumCount = max(maximumCount, 1)
        self.find = find
    }

    /// The value of a key, found if it is not there.
    public subscript(key: Key) -> Value {
        get async throws {
            let step: Step = state.withLock { state in
                switch state.entries[key] {
                case .found(let value, _):
                    state.use(key, value)
                    return .done(value)
                case .finding(let task, _):
                    return .wait(task)
                case nil:
                    state.lastNumber += 1
                    let number = state.lastNumber
                    // A task of its own: it is shared by all who wait, and none of them may cancel it for the others.
                    let task = Task { try await self.findAndKeep(key, number) }
                    state.entries[key] = .finding(task, number: number)
                    return .wait(task)
                }
            }
            switch step {
            case .done(let value): return value
            case .wait(let task): return try await task.value
            }
        }
    }

    /// Forgets a key. Somebody who is finding it gets what they find, which is then not kept.
    public func invalidate(_ key: Key) { state.withLock { $0.remove(key) } }

    /// Forgets everything.
    public func invalidateAll() { state.withLock { $0 = State(lastNumber: $0.lastNumber) } }

    /// Gives a key a value that was found otherwise.
    public func prefill(_ key: Key, _ value: Value) {
        state.withLock { state in
            state.remove(key)
            state.add(key, value, maximumCount: maximumCount)
        }
    }

    /// How many values are there.
    public var count: Int { state.withLock { $0.count } }

    private func findAndKeep(_ key: Key, _ number: UInt64) async throws -> Value {
        let result: Result<Value, any Error>
        do { result = .success(try await find(key)) } catch { result = .failure(error) }
        state.withLock { state in
            // Invalidated meanwhile, and perhaps being found anew.
            guard case .finding(_, number) = state.entries[key] else { return }
            state.entries[key] = nil
            if case .success(let value) = result { state.add(key, value, maximumCount: maximumCount) }
        }
        return try result.get()
    }
}
