import CCrypt
import Dispatch
import Foundation
import Glibc
import MatrixCore
import Synchronization

/// Hashes and checks passwords with bcrypt, as Synapse stores them.
///
/// A hash takes a good part of a second of processor time by design, so hashing has its own threads and a bounded queue:
/// requests that need none are not held up, and a flood of logins is refused instead of piling up.
package final class PasswordHasher: Sendable {
    /// The longest password, in characters.
    package static let maximumLength = 512

    private let rounds: Int
    private let pepper: String
    private let random: RandomSource
    private let lanes: [DispatchQueue]
    private let queueLimit: Int
    private let load = Mutex(Load())

    private struct Load {
        var waiting = 0
        var next = 0
    }

    /// - Parameters:
    ///   - rounds: bcrypt's cost, the binary logarithm of its iterations: 4 to 31.
    ///   - pepper: A server secret appended to each password.
    ///   - threads: How many passwords are worked on at once.
    ///   - queueLimit: How many may wait or be worked on; one more is refused.
    package init(
        rounds: Int = 12, pepper: String = "", random: RandomSource = .system, threads: Int = 2, queueLimit: Int = 256
    ) {
        self.rounds = min(max(rounds, 4), 31)
        self.pepper = pepper
        self.random = random
        self.queueLimit = queueLimit
        lanes = (0..<max(1, threads)).map { DispatchQueue(label: "axolemma.passwords.\($0)") }
    }

    /// Hashes a new password.
    /// - Throws: 429 if too many are waiting; 400 for a password that bcrypt cannot take.
    package func hash(_ password: String) async throws -> String {
        guard let key = key(for: password) else { throw MatrixError.invalidPassword }
        let setting = newSetting()
        guard let hash = try await work({ Self.crypt(key, setting: setting) }) else { throw MatrixError.internalError }
        return hash
    }

    /// Whether `password` is the one `hash` was made of.
    ///
    /// Takes as long for a `nil` hash as for a wrong password, so that the time does not tell who has an account.
    /// - Throws: 429 if too many are waiting.
    package func verify(_ password: String, against hash: String?) async throws -> Bool {
        let key = key(for: password)
        let setting = hash ?? Self.decoy(rounds: rounds)
        let computed = try await work { Self.crypt(key ?? [0], setting: setting) }
        guard let computed, let hash, key != nil else { return false }
        return constantTimeEqual(computed.utf8, hash.utf8)
    }

    /// The bytes given to bcrypt, with a NUL behind; `nil` if there is one within.
    ///
    /// Passwords that look the same are made the same (NFKC), however the keyboard composed them.
    private func key(for password: String) -> [CChar]? {
        let isASCII = password.utf8.allSatisfy { $0 < 0x80 }
        let normalized = isASCII ? password : password.precomposedStringWithCompatibilityMapping
        let bytes = Array(normalized.utf8) + Array(pepper.utf8)
        guard !bytes.contains(0) else { return nil }
        return bytes.map { CChar(bitPattern: $0) } + [0]
    }

    private func newSetting() -> String {
        // bcrypt's own base 64: six bits a character, the most significant first, 22 for 16 bytes.
        let alphabet = Array("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var text: [UInt8] = []
        var (bits, count) = (0, 0)
        for byte in random.bytes(16) {
            bits = bits << 8 | Int(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[bits >> count & 0x3F])
            }
            bits &= 1 << count - 1
        }
        text.append(alphabet[bits << (6 - count) & 0x3F])
        return Self.prefix(rounds: rounds) + String(decoding: text, as: UTF8.self)
    }

    private static func prefix(rounds: Int) -> String { "$2b$\(rounds < 10 ? "0" : "")\(rounds)$" }

    /// A salt like any other, for work whose result is thrown away.
    private static func decoy(rounds: Int) -> String { prefix(rounds: rounds) + "abcdefghijklmnopqrstuu" }

    private static func crypt(_ key: [CChar], setting: String) -> String? {
        // 32 KiB, more than belongs on a stack.
        let scratch = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<crypt_data>.size, alignment: MemoryLayout<crypt_data>.alignment)
        defer {
            memset(scratch, 0, MemoryLayout<crypt_data>.size)
            scratch.deallocate()
        }
        memset(scratch, 0, MemoryLayout<crypt_data>.size)
        let data = scratch.bindMemory(to: crypt_data.self, capacity: 1)
        guard let output = crypt_r(key, setting, data) else { return nil }
        let hash = String(cString: output)
        // libcrypt answers a malformed setting with a string that begins with "*".
        return hash.utf8.first == UInt8(ascii: "*") ? nil : hash
    }

    private func work<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws -> Value {
        let lane = load.withLock { load -> Int? in
            guard load.waiting < queueLimit else { return nil }
            load.waiting += 1
            load.next = (load.next + 1) % lanes.count
            return load.next
        }
        guard let lane else { throw MatrixError.limitExceeded(retryAfter: 2000) }
        let job = Job()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                lanes[lane].async { [self] in
                    let result: Result<Value, any Error> =
                        job.isCancelled.load(ordering: .relaxed) ? .failure(CancellationError()) : .success(body())
                    load.withLock { $0.waiting -= 1 }
                    continuation.resume(with: result)
                }
            }
        } onCancel: {
            job.isCancelled.store(true, ordering: .relaxed)
        }
    }

    /// A client that hangs up while its password waits in the queue costs no hashing.
    private final class Job: Sendable {
        let isCancelled = Atomic(false)
    }
}

extension MatrixError {
    static let invalidPassword = MatrixError(status: 400, code: .unknown, message: "Invalid password")
}
