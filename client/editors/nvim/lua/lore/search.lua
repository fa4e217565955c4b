--- `:LoreSearch`.

local checkout = require('lore.checkout')
local client = require('lore.client')
local list = require('lore.list')
local report = require('lore.report')
local text = require('lore.text')
local view = require('lore.view')

local M = {}

-- Columns of a passage in the list.
local PASSAGE = 100

local function row(hit)
  local passage = hit.passages[1]
  local title = text.line(hit.title)
  local found = passage and text.cut(text.line(passage.text), PASSAGE) or ''
  return {
    (hit.entity_type == 'issue' and '#%d' or '!%d'):format(hit.iid),
    text.line(hit.state),
    text.day(hit.updated_at),
    -- The beginning of an item is its title once more.
    (found == '' or vim.startswith(found, title)) and title or ('%s: %s'):format(title, found),
  }
end

--- Searches and shows what was found; see `lore.search`.
function M.show(query, opts)
  checkout.project(vim.api.nvim_get_current_buf(), function(params)
    params.query = query
    client.request('search.query', params, function(failure, answer)
      if failure then
        return report.error(failure)
      end
      report.caveats(answer)
      local results = answer.data
      if #results.hits == 0 then
        return report.info(('nothing in %s fits that'):format(text.line(results.project.path)))
      end
      local lines = list.align(vim.tbl_map(row, results.hits))
      local items = {}
      for at, hit in ipairs(results.hits) do
        items[at] = { uri = view.uri(results.project, hit.entity_type, hit.iid), line = lines[at] }
      end
      list.show({
        title = ('lore: %s in %s'):format(text.line(query), text.line(results.project.path)),
        items = items,
      }, opts.pick)
    end)
  end)
end

return M
