--- What the commands of plugin/lore.lua do; to be called from key maps too.

local M = {}

--- Shows the merge requests that touched a file.
--- @param opts table|nil `path`: another file than the current buffer's;
---   `pick`: choose by `vim.ui.select` instead of listing in quickfix.
function M.file_history(opts)
  require('lore.history').show(opts or {})
end

--- Marks the lines of the current buffer that have review threads, and opens
--- those of the current line in a floating window.
--- @param opts table|nil `clear`: take the marks away instead.
function M.threads(opts)
  local threads = require('lore.threads')
  if opts and opts.clear then
    threads.clear(vim.api.nvim_get_current_buf())
  else
    threads.show(vim.api.nvim_get_current_buf())
  end
end

--- Fetches one merge request or issue anew, and says how far that is.
--- @param reference string|nil `!123`, `#123`, `group/project!123` or an
---   address; absent: the one under the cursor.
function M.sync(reference)
  require('lore.sync').start(reference)
end

--- Cancels the syncs that this editor started.
function M.cancel()
  require('lore.sync').cancel()
end

--- Searches issues and merge requests.
--- @param query string Words, `"phrases"` and filters such as `author:ada`.
--- @param opts table|nil `pick`: choose by `vim.ui.select`.
function M.search(query, opts)
  require('lore.search').show(query, opts or {})
end

--- How far the syncs are that this editor started, for a status line; empty
--- when there are none.
function M.status()
  return require('lore.sync').status()
end

return M
