#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// How often a log file is moved away: `when` and `interval` of Python's `TimedRotatingFileHandler`.
struct LogPeriod: Sendable, Equatable {
    enum Unit: Sendable, Equatable {
        case seconds, minutes, hours, days
        /// At midnight.
        case midnight
        /// At midnight before a day of the week, Monday being 0.
        case weekday(Int)
    }

    var unit: Unit
    var interval: Int
    var utc: Bool

    /// Reads `when`.
    init?(when: String, interval: Int, utc: Bool) {
        switch when.uppercased() {
        case "S": unit = .seconds
        case "M": unit = .minutes
        case "H": unit = .hours
        case "D": unit = .days
        case "MIDNIGHT": unit = .midnight
        case let text where text.utf8.count == 2 && text.hasPrefix("W"):
            guard let day = Int(text.dropFirst()), (0...6).contains(day) else { return nil }
            unit = .weekday(day)
        default: return nil
        }
        self.interval = max(1, interval)
        self.utc = utc
    }

    private var length: Int {
        switch unit {
        case .seconds: interval
        case .minutes: 60 * interval
        case .hours: 3600 * interval
        case .days, .midnight: 86_400 * interval
        case .weekday: 7 * 86_400 * interval
        }
    }

    /// When the period that `time` lies in, or that begins with it, is over.
    func end(after time: Int) -> Int {
        switch unit {
        case .seconds, .minutes, .hours, .days: return time + length
        case .midnight: return midnight(after: time, days: interval)
        case .weekday(let day):
            var parts = self.parts(of: time)
            // `tm_wday` counts from Sunday.
            let today = (Int(parts.tm_wday) + 6) % 7
            let days = (day - today + 7) % 7
            parts.tm_mday += Int32(days == 0 ? 7 : days)
            return midnight(parts)
        }
    }

    /// The suffix of a file that was moved at the end of its period: when the period began.
    func name(ofPeriodEnding end: Int) -> String {
        LogClock.text(of: end - length, format: nameFormat, utc: utc)
    }

    /// Whether a suffix may be one of ``name(ofPeriodEnding:)``.
    func isName(_ text: String) -> Bool {
        let pattern = LogClock.text(of: 0, format: nameFormat, utc: true)
        return text.utf8.count == pattern.utf8.count
            && zip(text.utf8, pattern.utf8).allSatisfy { byte, model in
                (0x30...0x39).contains(model) ? (0x30...0x39).contains(byte) : byte == model
            }
    }

    private var nameFormat: String {
        switch unit {
        case .seconds: "%Y-%m-%d_%H-%M-%S"
        case .minutes: "%Y-%m-%d_%H-%M"
        case .hours: "%Y-%m-%d_%H"
        case .days, .midnight, .weekday: "%Y-%m-%d"
        }
    }

    private func midnight(after time: Int, days: Int) -> Int {
        var parts = self.parts(of: time)
        parts.tm_mday += Int32(days)
        return midnight(parts)
    }

    private func midnight(_ parts: tm) -> Int {
        var parts = parts
        (parts.tm_hour, parts.tm_min, parts.tm_sec, parts.tm_isdst) = (0, 0, 0, -1)
        return utc ? timegm(&parts) : mktime(&parts)
    }

    private func parts(of time: Int) -> tm {
        var parts = tm()
        var time = time_t(time)
        if utc { gmtime_r(&time, &parts) } else { localtime_r(&time, &parts) }
        return parts
    }
}
