import Logging
import MatrixCore
import ModuleAPI

/// Calling modules.
extension PythonModules {
    /// Asks a module something.
    ///
    /// While the process is being started anew the call waits for it. A call that was sent to a process which then ended is
    /// put to the next one, once: nobody knows what became of it, and the call may be what ended the process.
    /// - Parameters:
    ///   - arguments: The JSON array of the arguments.
    ///   - map: The state that the arguments refer to.
    /// - Returns: The answer; `nil` if the module has not registered this callback since it was made anew.
    func ask(_ registration: Registration, _ arguments: [UInt8], state map: StateMap? = nil) async throws -> JSON? {
        var attempts = 0
        return try await failing {
            while true {
                let session = try await session()
                guard let identifier = session.identifier(of: registration.number) else { return nil }
                do {
                    return try await session.callback(identifier, registration.label, arguments, state: map)
                } catch Connection.CallError.lost(let wasSent) {
                    if wasSent { attempts += 1 }
                    if attempts >= Notice.maximumAttempts { throw Connection.CallError.lost(wasSent: true) }
                } catch Connection.CallError.failure(.unregistered) {
                    return nil
                }
            }
        }
    }

    /// Tells a module something.
    ///
    /// A process that ends over it, or is not there, does not lose it: the next one is told, in order, even if nobody waits
    /// for that any more.
    func tell(_ registration: Registration, _ arguments: [UInt8], state map: StateMap? = nil) async throws {
        var notice = Notice(registration: registration, arguments: arguments, state: map)
        try await failing {
            while true {
                let session: HostSession
                do {
                    session = try await self.session()
                } catch is CancellationError {
                    keep(notice)
                    throw CancellationError()
                }
                guard let identifier = session.identifier(of: registration.number) else { return }
                do {
                    _ = try await session.callback(identifier, registration.label, arguments, state: map)
                    return
                } catch Connection.CallError.lost(let wasSent) {
                    if wasSent { notice.attempts += 1 }
                    if notice.attempts >= Notice.maximumAttempts { throw Connection.CallError.lost(wasSent: true) }
                } catch Connection.CallError.failure(.unregistered) {
                    return
                } catch Connection.CallError.givenUp {
                    keep(notice)
                    throw CancellationError()
                } catch let error as CancellationError {
                    notice.attempts += 1
                    undelivered.abandon(notice)
                    throw error
                }
            }
        }
    }

    /// Keeps what was never sent for the next delivery.
    private func keep(_ notice: Notice) {
        if !undelivered.append(notice) {
            log.error("\(notice.registration.label) is not told of this: too much waits already")
        }
    }
}
