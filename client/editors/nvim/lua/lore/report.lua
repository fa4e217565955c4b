--- What is said to the person outside of buffers.

local text = require('lore.text')

local M = {}

--- An error as the functions of this plugin pass it on.
--- @param code string One of lore's codes.
--- @param message string A sentence.
--- @param ... string What to do about it.
function M.failure(code, message, ...)
  return { code = code, message = message, actions = { ... } }
end

--- An error in lines: what happened, to what, what to do next.
function M.lines(failure)
  local lines = { text.line(failure.message) }
  local details = type(failure.details) == 'table' and failure.details or {}
  for _, one in ipairs(type(details.failures) == 'table' and details.failures or {}) do
    local sigil = one.entity_type == 'issue' and '#' or '!'
    lines[#lines + 1] = ('  %s%d: %s'):format(sigil, one.iid, text.line(one.reason or one.code))
  end
  if failure.code == 'AMBIGUOUS_PROJECT' or failure.code == 'PROJECT_UNKNOWN' then
    local candidates = details.candidates or details.nearest
    for _, candidate in ipairs(type(candidates) == 'table' and candidates or {}) do
      local path = type(candidate) == 'table' and candidate.path or candidate
      lines[#lines + 1] = "  for this buffer: :let b:lore_project = '" .. text.line(path) .. "'"
    end
  end
  for _, action in ipairs(failure.actions or {}) do
    lines[#lines + 1] = '  next: ' .. text.line(action)
  end
  return lines
end

--- Tells an error.
function M.error(failure)
  local lines = M.lines(failure)
  lines[1] = ('lore: %s: %s'):format(failure.code, lines[1])
  vim.notify(table.concat(lines, '\n'), vim.log.levels.ERROR, { title = 'lore' })
end

--- Tells something else.
function M.info(message, level)
  vim.notify('lore: ' .. message, level or vim.log.levels.INFO, { title = 'lore' })
end

--- Tells how far something is: one line that is overwritten and not kept.
function M.progress(message)
  local line = text.cut('lore: ' .. message, math.max(vim.o.columns - 15, 10))
  vim.api.nvim_echo({ { line } }, false, {})
end

--- Tells what the reader of an answer should know about it.
function M.caveats(answer)
  local freshness = answer.freshness
  if freshness and not freshness.complete then
    M.info(
      ('the mirror of %s is not complete yet: answers may lack something'):format(freshness.project),
      vim.log.levels.WARN
    )
  end
  for _, warning in ipairs(answer.warnings or {}) do
    M.info(text.line(warning), vim.log.levels.WARN)
  end
end

return M
