// The database's log (its WAL) as a file. Private to server/storage.
#pragma once

#include "server/storage/database.h"

namespace hooke::storage {

// Writes the log once more where it stands, byte for byte, and syncs it: then everything that can be read of
// it is on disk. After a sync that failed, or a process that was killed in a commit, that is not so: the
// kernel may show what it will never write. A log that is trusted without this loses what follows its gap, or
// tears the database when it is moved there.
// REQUIRES: no connection is open. Throws hooke::Error (kUnavailable).
void secure_log(const Database& database);

}  // namespace hooke::storage
