--- `:LoreFileHistory`.

local checkout = require('lore.checkout')
local client = require('lore.client')
local config = require('lore.config')
local list = require('lore.list')
local report = require('lore.report')
local text = require('lore.text')
local view = require('lore.view')

local M = {}

-- By which other names of the file a merge request counts.
local function names(merge_request, asked)
  local found = {}
  for _, change in ipairs(merge_request.changes) do
    if change.change_type == 'renamed' then
      found[#found + 1] = ('renamed %s → %s'):format(text.line(change.old_path), text.line(change.new_path))
    elseif change.path ~= asked then
      found[#found + 1] = 'as ' .. text.line(change.path)
    end
  end
  return table.concat(found, ', ')
end

local function row(merge_request, asked)
  local remarks = {}
  for _, remark in ipairs({ names(merge_request, asked), text.threads(merge_request.discussions) }) do
    if remark ~= '' then
      remarks[#remarks + 1] = remark
    end
  end
  local last = text.line(merge_request.title)
  if #remarks > 0 then
    last = ('%s (%s)'):format(last, table.concat(remarks, '; '))
  end
  return {
    ('!%d'):format(merge_request.iid),
    text.line(merge_request.state),
    text.day(merge_request.merged_at or merge_request.updated_at),
    text.line(merge_request.author),
    last,
  }
end

-- The names that the file had, in the order of the renames.
local function chain(history)
  local lines = {}
  for _, name in ipairs(history.chain) do
    local renamed = name.renamed
    if renamed then
      lines[#lines + 1] = ('%s → %s by !%d on %s'):format(
        text.line(renamed.from),
        text.line(renamed.to),
        renamed.merge_request_iid,
        text.day(renamed.at)
      )
    end
  end
  if history.chain_truncated then
    lines[#lines + 1] = 'The file had more names, which are left out.'
  end
  return lines
end

local function rest(history)
  local lines = {}
  local left = history.total - #history.merge_requests
  if left > 0 then
    lines[#lines + 1] = ('%d more: let vim.g.lore = { limit = %d }'):format(left, math.min(history.total, 1000))
  end
  if #history.possibly_missing > 0 then
    local cut = vim.tbl_map(function(iid)
      return ('!%d'):format(iid)
    end, vim.list_slice(history.possibly_missing, 1, 10))
    local others = #history.possibly_missing - #cut
    lines[#lines + 1] = ('May be incomplete: GitLab cut the list of changed files of %s%s.'):format(
      table.concat(cut, ', '),
      others > 0 and (' and %d more'):format(others) or ''
    )
  end
  return lines
end

--- Asks for the history of a file and shows it; see `lore.file_history`.
function M.show(opts)
  local buffer = vim.api.nvim_get_current_buf()
  checkout.file(buffer, opts.path, function(failure, params)
    if failure then
      return report.error(failure)
    end
    params.discussions = true
    params.limit = config('limit')
    client.request('fileHistory.get', params, function(refused, answer)
      if refused then
        return report.error(refused)
      end
      report.caveats(answer)
      local history = answer.data
      if #history.merge_requests == 0 then
        return report.info(('no mirrored merge request touched %s'):format(text.line(history.path)))
      end
      local lines = list.align(vim.tbl_map(function(merge_request)
        return row(merge_request, history.path)
      end, history.merge_requests))
      local items = {}
      for at, merge_request in ipairs(history.merge_requests) do
        items[at] = { uri = view.uri(history.project, 'merge_request', merge_request.iid), line = lines[at] }
      end
      list.show({
        title = ('lore: %s in %s'):format(text.line(history.path), text.line(history.project.path)),
        head = chain(history),
        items = items,
        foot = rest(history),
      }, opts.pick)
    end)
  end)
end

return M
